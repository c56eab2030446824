//! Wire in, use case, wire out. No decisions are made here.

mod request;
mod watched;

use std::pin::Pin;
use std::sync::Arc;

use terrace_domain::Failure;
use terrace_proto::judge::v1 as wire;
use terrace_proto::judge::v1::judge_service_server::JudgeService;
use terrace_rpc::deadline;
use terrace_rpc::status::to_status;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::clients::Panel;
use crate::grpc::watched::Watched;
use crate::judge::Judge;
use crate::offload::Offload;
use crate::second::Seconds;
use crate::weigh::{Verdict, Weighed};

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

    /// Reads and judges a request; reading compiles schemas, so it belongs to the work.
    async fn verdict(&self, request: wire::JudgeRequest) -> Result<Verdict, Failure> {
        let load = request::load(&request);
        let (judge, max_messages) = (Arc::clone(&self.judge), self.max_messages);
        let work = move || {
            let case = request::from_wire(request, max_messages)?;
            Ok(judge.judge(&case))
        };
        self.offload.run(load, work).await?
    }
}

#[tonic::async_trait]
impl JudgeService for Grpc {
    type JudgeStreamStream =
        Pin<Box<dyn Stream<Item = Result<wire::JudgeStreamResponse, Status>> + Send>>;

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
            let mut verdict = self.verdict(request).await?;
            if let (Some(seconds), Some(subject)) = (&self.seconds, &subject) {
                verdict = seconds.joined(verdict, subject, deadline).await;
            }
            self.panel.joined(verdict, scene, deadline).await
        };
        let verdict = verdict.await.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::JudgeResponse {
            verdict: Some(to_wire(verdict)),
        }))
    }

    async fn judge_stream(
        &self,
        request: Request<Streaming<wire::JudgeStreamRequest>>,
    ) -> Result<Response<Self::JudgeStreamStream>, Status> {
        let judge = Arc::clone(&self.judge);
        let watched = Watched::open(request.into_inner(), judge, self.max_messages).await?;
        Ok(Response::new(Box::pin(watched.verdicts())))
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
