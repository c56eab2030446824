//! A judge that passes everything until told otherwise.

use std::sync::Mutex;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use terrace_domain::Failure;
use terrace_proto::judge::v1::judge_service_server::JudgeService;
use terrace_proto::judge::v1::judge_stream_request::Event;
use terrace_proto::judge::v1::{
    CheckFinding, JudgeRequest, JudgeResponse, JudgeStreamRequest, JudgeStreamResponse, Verdict,
};
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status, Streaming};

use super::{Answer, Rpc};

#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) judge: Rpc<JudgeRequest, JudgeResponse>,
    /// Why it cannot watch an answer that is still coming, if it cannot.
    pub(crate) blind: Mutex<Option<Failure>>,
}

/// A verdict with this score against a threshold of 0.7.
pub(crate) fn verdict(score: f64) -> Verdict {
    Verdict {
        score,
        passed: score >= 0.7,
        threshold: 0.7,
        checks: vec![CheckFinding {
            check: "relevance".to_owned(),
            score,
            weight: 1.0,
            hard_failure: false,
            finding: format!("scored {score}"),
        }],
        undecided: false,
    }
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self {
            judge: Rpc::new(Self::saying(verdict(0.9))),
            blind: Mutex::default(),
        }
    }

    pub(crate) fn saying(verdict: Verdict) -> Answer<JudgeResponse> {
        Answer::Says(JudgeResponse {
            verdict: Some(verdict),
            ..JudgeResponse::default()
        })
    }

    /// Gives these scores in turn.
    pub(crate) fn scores(&self, scores: &[f64]) {
        let verdicts = scores.iter().map(|score| Self::saying(verdict(*score)));
        self.judge.next(verdicts);
    }
}

#[tonic::async_trait]
impl JudgeService for Judge {
    async fn judge(
        &self,
        request: Request<JudgeRequest>,
    ) -> Result<Response<JudgeResponse>, Status> {
        self.judge.answer(request).await
    }

    type JudgeStreamStream = BoxStream<'static, Result<JudgeStreamResponse, Status>>;

    /// Looks at every text that comes: whatever has the word "hopeless" in it is.
    async fn judge_stream(
        &self,
        request: Request<Streaming<JudgeStreamRequest>>,
    ) -> Result<Response<Self::JudgeStreamStream>, Status> {
        if let Some(failure) = self.blind.lock().unwrap().clone() {
            return Err(to_status(&failure));
        }
        let looked = request.into_inner().filter_map(|message| async {
            let Ok(Some(Event::Delta(text))) = message.map(|message| message.event) else {
                return None;
            };
            let score = if text.contains("hopeless") { 0.1 } else { 0.9 };
            let verdict = Some(verdict(score));
            Some(Ok(JudgeStreamResponse { verdict }))
        });
        Ok(Response::new(looked.boxed()))
    }
}
