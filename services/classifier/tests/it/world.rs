//! A classifier behind a link, and short ways to ask it.

use std::collections::BTreeMap;

use terrace_classifier::config::Settings;
use terrace_classifier::markers::Markers;
use terrace_classifier::overrides::Overrides;
use terrace_domain::{ActionName, TierName};
use terrace_proto::classifier::v1::classifier_service_client::ClassifierServiceClient;
use terrace_proto::classifier::v1::{Classification, ClassifyRequest};
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_rpc::link::Link;
use terrace_rpc::server::ServerSettings;
use tonic::Status;

pub(crate) type Client = ClassifierServiceClient<Link>;

pub(crate) fn settings() -> Settings {
    let tier = |name: &str| TierName::new(name).unwrap();
    let action = ActionName::new("edit_file").unwrap();
    Settings {
        overrides: Overrides::new(BTreeMap::from([(action, tier("local_quality"))])),
        markers: Markers::new([("ORCHESTRATE:".to_owned(), tier("api_fallback"))]),
        ..Settings::default()
    }
}

pub(crate) fn client() -> Client {
    client_of(settings())
}

pub(crate) fn client_of(settings: Settings) -> Client {
    let server = ServerSettings::for_testing();
    let stack = terrace_classifier::build(settings)
        .unwrap()
        .stack(&server)
        .unwrap();
    ClassifierServiceClient::new(Link::in_process("classifier", stack))
        .max_encoding_message_size(64 * 1024 * 1024)
}

pub(crate) fn request(text: &str, action: &str) -> ClassifyRequest {
    ClassifyRequest {
        messages: vec![text_message(Role::User, text)],
        action: action.to_owned(),
        ..ClassifyRequest::default()
    }
}

pub(crate) async fn ask(request: ClassifyRequest) -> Result<Classification, Status> {
    let response = client().classify(request).await?;
    Ok(response.into_inner().classification.unwrap())
}

pub(crate) async fn classify(text: &str, action: &str) -> Classification {
    ask(request(text, action)).await.unwrap()
}
