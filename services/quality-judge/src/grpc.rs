//! Wire in, use case, wire out. No decisions are made here.

mod request;
mod watched;

use std::sync::Arc;

use futures::StreamExt;
use terrace_domain::Failure;
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::convert::{wire_duration, wire_timestamp};
use terrace_proto::judge::v1 as wire;
use terrace_proto::judge::v1::judge_service_server::JudgeService;
use terrace_rpc::deadline;
use terrace_rpc::direct::{Answer, Messages};
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status, Streaming};

use crate::checks::code_tree;
use crate::clients::Panel;
use crate::grpc::watched::Watched;
use crate::judge::Judge;
use crate::offload::Offload;
use crate::second::{Opinion, Seconds};
use crate::weigh::{Verdict, Weighed};

/// Reads `bytes` as a message and judges what is in it.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], judge: &Judge, max_messages: usize) {
    use prost::Message as _;
    let Ok(message) = wire::JudgeRequest::decode(bytes) else {
        return;
    };
    let _load = request::load(&message);
    drop(request::subject(&message));
    if let Ok(case) = request::from_wire(message, max_messages) {
        drop(judge.judge(&case));
        drop(code_tree(&case.answer));
    }
}

/// The generated service over the use case.
#[derive(Debug, Clone)]
pub struct Grpc {
    judge: Arc<Judge>,
    seconds: Option<Seconds>,
    panel: Panel,
    offload: Offload,
    max_messages: usize,
}

impl Grpc {
    /// Serves `judge`, and a panel of other judges behind it, to requests of at most `max_messages` messages.
    #[must_use]
    pub fn new(judge: Judge, panel: Panel, max_messages: usize) -> Self {
        Self {
            judge: Arc::new(judge),
            seconds: None,
            panel,
            offload: Offload::default(),
            max_messages,
        }
    }

    /// The same with models that are asked for a second opinion.
    #[must_use]
    pub fn with_seconds(self, seconds: Option<Seconds>) -> Self {
        Self { seconds, ..self }
    }

    /// Judges an answer while it is still coming, from wherever its pieces come.
    pub(crate) async fn watch(
        &self,
        pieces: Request<Messages<wire::JudgeStreamRequest>>,
    ) -> Answer<Messages<wire::JudgeStreamResponse>> {
        let judge = Arc::clone(&self.judge);
        let watched = Watched::open(pieces.into_inner(), judge, self.max_messages).await?;
        Ok(Response::new(watched.verdicts().boxed()))
    }

    /// Reads and judges a request; reading compiles schemas, so it belongs to the work. With what tells
    /// its code from other code, if that is wanted.
    async fn verdict(
        &self,
        request: wire::JudgeRequest,
    ) -> Result<(Verdict, Option<String>), Failure> {
        let load = request::load(&request);
        let (judge, max_messages) = (Arc::clone(&self.judge), self.max_messages);
        let work = move || {
            let is_wanted = request.with_code_tree;
            let case = request::from_wire(request, max_messages)?;
            let tree = is_wanted.then(|| code_tree(&case.answer)).flatten();
            Ok((judge.judge(&case), tree))
        };
        self.offload.run(load, work).await?
    }
}

#[tonic::async_trait]
impl JudgeService for Grpc {
    type JudgeStreamStream = Messages<wire::JudgeStreamResponse>;

    async fn judge(
        &self,
        request: Request<wire::JudgeRequest>,
    ) -> Result<Response<wire::JudgeResponse>, Status> {
        let deadline = deadline::of(&request);
        let request = request.into_inner();
        let scene = self.panel.scene(&request);
        let subject = self
            .seconds
            .as_ref()
            .and_then(|_| request::subject(&request));
        let verdict = async {
            let (mut verdict, tree) = self.verdict(request).await?;
            let mut opinions = Vec::new();
            if let (Some(seconds), Some(subject)) = (&self.seconds, &subject) {
                (verdict, opinions) = seconds.joined(verdict, subject, deadline).await;
            }
            let verdict = self.panel.joined(verdict, scene, deadline).await?;
            Ok((verdict, opinions, tree))
        };
        let judged: Result<_, Failure> = verdict.await;
        let (verdict, opinions, tree) = judged.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::JudgeResponse {
            verdict: Some(to_wire(verdict)),
            second_opinions: opinions.into_iter().map(opinion).collect(),
            code_tree: tree.unwrap_or_default(),
        }))
    }

    async fn judge_stream(
        &self,
        request: Request<Streaming<wire::JudgeStreamRequest>>,
    ) -> Result<Response<Self::JudgeStreamStream>, Status> {
        self.watch(request.map(StreamExt::boxed)).await
    }
}

fn to_wire(verdict: Verdict) -> wire::Verdict {
    wire::Verdict {
        score: verdict.score.get(),
        passed: verdict.passed,
        threshold: verdict.threshold.get(),
        checks: verdict.findings.into_iter().map(finding).collect(),
        undecided: verdict.undecided,
    }
}

fn finding(weighed: Weighed) -> wire::CheckFinding {
    wire::CheckFinding {
        check: weighed.name(),
        score: weighed.finding.score.get(),
        weight: weighed.weight,
        hard_failure: weighed.finding.hard_failure,
        finding: weighed.finding.words,
    }
}

fn opinion(opinion: Opinion) -> wire::SecondOpinion {
    let outcome = match opinion.reason {
        None => AttemptOutcome::Accepted,
        Some(_) => AttemptOutcome::Failed,
    };
    let reason = opinion.reason.map(|reason| reason.to_string());
    wire::SecondOpinion {
        check: opinion.kind.as_str().to_owned(),
        tier: opinion.model.tier.to_string(),
        backend: opinion.model.backend.to_string(),
        model: opinion.model.name.to_string(),
        outcome: outcome.into(),
        reason: reason.unwrap_or_default(),
        usage: Some(opinion.usage.into()),
        cost_nano_usd: opinion.cost.get(),
        started_at: Some(wire_timestamp(opinion.started_at)),
        latency: Some(wire_duration(opinion.latency)),
    }
}
