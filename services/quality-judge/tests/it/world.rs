//! A judge behind a link, and short ways to ask it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use terrace_config::Weights;
use terrace_domain::ActionName;
use terrace_proto::common::v1::{
    ChoiceFormat, FinishReason, JsonFormat, JsonSchemaFormat, ResponseFormat, Role,
    response_format::Kind,
};
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::judge_service_client::JudgeServiceClient;
use terrace_proto::judge::v1::{JudgeRequest, Verdict};
use terrace_quality_judge::App;
use terrace_quality_judge::config::Settings;
use terrace_quality_judge::profile::Profiles;
use terrace_rpc::link::Link;
use terrace_rpc::server::ServerSettings;
use tonic::Status;

pub(crate) type Client = JudgeServiceClient<Link>;

/// Settings in which the action `write_poem` does not mind repetition.
pub(crate) fn settings() -> Settings {
    let poem = Weights {
        repetition: 0.0,
        ..Weights::default()
    };
    let judge = terrace_config::Judge {
        profiles: BTreeMap::from([(ActionName::new("write_poem").unwrap(), poem)]),
        ..terrace_config::Judge::default()
    };
    Settings {
        profiles: Profiles::from_config(&judge),
        ..Settings::default()
    }
}

/// Built once: compiling the judge's patterns takes a moment in a debug build.
static APP: LazyLock<App> = LazyLock::new(|| {
    terrace_quality_judge::build(settings(), &terrace_rpc::Network::default()).unwrap()
});

pub(crate) fn client() -> Client {
    let stack = APP.stack(&ServerSettings::for_testing()).unwrap();
    JudgeServiceClient::new(Link::in_process("quality-judge", stack))
}

pub(crate) fn request(answer: &str) -> JudgeRequest {
    JudgeRequest {
        messages: vec![text_message(Role::User, "the question")],
        output: Some(text_message(Role::Assistant, answer)),
        finish_reason: FinishReason::Stop.into(),
        threshold: 0.7,
        ..JudgeRequest::default()
    }
}

pub(crate) fn format(kind: Kind) -> Option<ResponseFormat> {
    Some(ResponseFormat { kind: Some(kind) })
}

pub(crate) fn json() -> Option<ResponseFormat> {
    format(Kind::Json(JsonFormat {}))
}

pub(crate) fn schema(text: &str) -> Option<ResponseFormat> {
    format(Kind::JsonSchema(JsonSchemaFormat {
        schema_json: text.to_owned(),
        ..JsonSchemaFormat::default()
    }))
}

pub(crate) fn choice(options: &[&str]) -> Option<ResponseFormat> {
    let options = options.iter().map(|option| (*option).to_owned()).collect();
    format(Kind::Choice(ChoiceFormat { options }))
}

pub(crate) async fn ask(request: JudgeRequest) -> Result<Verdict, Status> {
    let response = client().judge(request).await?;
    Ok(response.into_inner().verdict.unwrap())
}

pub(crate) async fn judge(request: JudgeRequest) -> Verdict {
    ask(request).await.unwrap()
}

/// The score of one check; `None` when it had nothing to say.
pub(crate) fn score(verdict: &Verdict, check: &str) -> Option<f64> {
    let found = verdict.checks.iter().find(|finding| finding.check == check);
    found.map(|finding| finding.score)
}
