//! The judge over a link.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use async_trait::async_trait;
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use terrace_domain::{Failure, NanoUsd, Reason, Score};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::convert::{duration, timestamp};
use terrace_proto::judge::v1 as wire;
use terrace_proto::judge::v1::judge_service_client::JudgeServiceClient;
use terrace_proto::judge::v1::judge_stream_request::Event;
use terrace_rpc::deadline::request_within;
use terrace_rpc::direct::Messages;
use terrace_rpc::link::Link;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Request;

use super::{broken_contract, from_status};
use crate::classification::{Classification, Source, TaskKind};
use crate::opinion::SecondOpinion;
use crate::ports::{Answered, Answering, Call, Judge, Judged, Outlook};
use crate::verdict::{CheckFinding, Verdict};

/// Calls the judge.
#[derive(Debug, Clone)]
pub struct JudgeClient {
    link: Link,
    inner: JudgeServiceClient<Link>,
}

impl JudgeClient {
    /// Creates a client over a link; answers of up to `max_message_bytes` can be sent.
    #[must_use]
    pub fn new(link: Link, max_message_bytes: usize) -> Self {
        let inner = JudgeServiceClient::new(link.clone());
        Self {
            link,
            inner: inner
                .max_decoding_message_size(max_message_bytes)
                .max_encoding_message_size(max_message_bytes),
        }
    }
}

#[async_trait]
impl Judge for JudgeClient {
    async fn judge(&self, answered: Answered<'_>, call: Call) -> Result<Judged, Failure> {
        let answering = Answering {
            request: answered.request,
            classification: answered.classification,
            model: answered.model,
        };
        let message = wire::JudgeRequest {
            output: Some(answered.answer.output()),
            finish_reason: answered.answer.finish_reason,
            with_code_tree: answered.with_code_tree,
            ..scene(answering)
        };
        let wire = async |request| self.inner.clone().judge(request).await;
        let request = request_within(message, call.deadline);
        let answer = self.link.unary(request, wire).await;
        let answer = answer.map_err(|status| from_status("judge", &status))?;
        let answer = answer.into_inner();
        let missing = || broken_contract("judge", "its answer has no verdict");
        let opinions = answer.second_opinions.into_iter().map(opinion);
        Ok(Judged {
            verdict: from_wire(answer.verdict.ok_or_else(missing)?)?,
            opinions: opinions.collect::<Result<_, Failure>>()?,
            code_tree: Some(answer.code_tree).filter(|tree| !tree.is_empty()),
        })
    }

    fn watch(
        &self,
        answering: Answering<'_>,
        text: mpsc::UnboundedReceiver<String>,
        call: Call,
    ) -> Outlook {
        let message = |event| Ok(wire::JudgeStreamRequest { event: Some(event) });
        let opening = message(Event::Opening(scene(answering)));
        let deltas =
            UnboundedReceiverStream::new(text).map(move |text| message(Event::Delta(text)));
        let messages = tokio_stream::once(opening).chain(deltas).boxed();
        let opened = self.clone().open(messages, call);
        stream::once(opened).try_flatten().boxed()
    }
}

impl JudgeClient {
    /// Begins to watch an answer whose pieces are `pieces`.
    async fn open(self, pieces: Pieces, call: Call) -> Result<Outlook, Failure> {
        let mut judge = self.inner;
        let wire =
            |pieces: Request<Pieces>| async move { judge.judge_stream(pieces.map(Sent)).await };
        let request = request_within(pieces, call.deadline);
        let answer = self.link.streaming(request, wire).await;
        let responses = answer.map_err(|status| from_status("judge", &status))?;
        let looks = responses.into_inner().map(|response| match response {
            Ok(response) => outlook(response),
            Err(status) => Err(from_status("judge", &status)),
        });
        Ok(looks.boxed())
    }
}

type Pieces = Messages<wire::JudgeStreamRequest>;

/// The pieces as the generated client takes them: what comes from here never fails.
struct Sent(Pieces);

impl Stream for Sent {
    type Item = wire::JudgeStreamRequest;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<wire::JudgeStreamRequest>> {
        let piece = self.0.poll_next_unpin(context);
        piece.map(|piece| piece.and_then(Result::ok))
    }
}

fn outlook(response: wire::JudgeStreamResponse) -> Result<Verdict, Failure> {
    let missing = || broken_contract("judge", "its outlook has no verdict");
    from_wire(response.verdict.ok_or_else(missing)?)
}

/// Everything about an answer but the answer.
fn scene(answering: Answering<'_>) -> wire::JudgeRequest {
    let (request, classification) = (answering.request, answering.classification);
    let named = request.code_language.as_ref();
    let language = named.or(classification.code_language.as_ref());
    wire::JudgeRequest {
        messages: request.prompt.messages().to_vec(),
        response_format: request.prompt.response_format().cloned(),
        action: request.action().to_owned(),
        threshold: request.policy.quality_threshold.get(),
        code_language: language.cloned().unwrap_or_default(),
        // No check of the judge reads log-probabilities yet, and it refuses what it does not read.
        logprobs: Vec::new(),
        model: answering.model.to_string(),
        request_id: request.id.to_string(),
        code_expected: classification.task_kind == TaskKind::Code,
        lower_tier_suffices: suffices(classification),
        ..wire::JudgeRequest::default()
    }
}

/// What the scorer thinks of the question, if it was asked; zero is a classifier that tells nothing.
fn suffices(classification: &Classification) -> Option<f64> {
    let chance = classification.learned.lower_tier_suffices;
    (classification.source == Source::Scorer && chance > 0.0).then_some(chance)
}

fn opinion(wire: wire::SecondOpinion) -> Result<SecondOpinion, Failure> {
    let unnamed = |_| broken_contract("judge", "a model that it asked has no name");
    let has_answered = wire.outcome() == AttemptOutcome::Accepted;
    let reason = wire.reason.parse().unwrap_or(Reason::Internal);
    Ok(SecondOpinion {
        check: wire.check,
        tier: wire.tier.parse().map_err(unnamed)?,
        backend: wire.backend.parse().map_err(unnamed)?,
        model: wire.model.parse().map_err(unnamed)?,
        reason: (!has_answered).then_some(reason),
        usage: wire.usage.map(Into::into).unwrap_or_default(),
        cost: NanoUsd::new(wire.cost_nano_usd),
        started_at: wire
            .started_at
            .as_ref()
            .and_then(timestamp)
            .unwrap_or_else(SystemTime::now),
        latency: wire.latency.as_ref().and_then(duration).unwrap_or_default(),
    })
}

fn from_wire(wire: wire::Verdict) -> Result<Verdict, Failure> {
    let score = |value, what| Score::new(value).map_err(|_| broken_contract("judge", what));
    let checks = wire.checks.into_iter().map(|check| {
        Ok(CheckFinding {
            score: score(check.score, "a check's score is not between 0 and 1")?,
            check: check.check,
            weight: check.weight,
            hard_failure: check.hard_failure,
            finding: check.finding,
        })
    });
    Ok(Verdict {
        score: score(wire.score, "score is not between 0 and 1")?,
        passed: wire.passed,
        threshold: score(wire.threshold, "threshold is not between 0 and 1")?,
        undecided: wire.undecided,
        checks: checks.collect::<Result<_, Failure>>()?,
    })
}
