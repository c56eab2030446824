//! The classifier over a link.

use async_trait::async_trait;
use terrace_domain::{Failure, Score, TierName};
use terrace_proto::classifier::v1 as wire;
use terrace_proto::classifier::v1::classifier_service_client::ClassifierServiceClient;
use terrace_rpc::deadline::request_within;
use terrace_rpc::link::Link;

use super::{broken_contract, from_status};
use crate::classification::{Classification, Evidence, Learned, Source, TaskKind};
use crate::ports::{Call, Classify};
use crate::request::Request;

/// Calls the classifier.
#[derive(Debug, Clone)]
pub struct ClassifierClient {
    inner: ClassifierServiceClient<Link>,
}

impl ClassifierClient {
    /// Creates a client over a link; prompts of up to `max_message_bytes` can be sent.
    #[must_use]
    pub fn new(link: Link, max_message_bytes: usize) -> Self {
        let inner = ClassifierServiceClient::new(link);
        Self {
            inner: inner.max_encoding_message_size(max_message_bytes),
        }
    }
}

#[async_trait]
impl Classify for ClassifierClient {
    async fn classify(&self, request: &Request, call: Call) -> Result<Classification, Failure> {
        let message = wire::ClassifyRequest {
            messages: request.prompt.messages().to_vec(),
            action: request.action().to_owned(),
            response_format: request.prompt.response_format().cloned(),
            tool_count: u32::try_from(request.prompt.tools().len()).unwrap_or(u32::MAX),
            code_language: request.code_language.clone().unwrap_or_default(),
            project: request.project.to_string(),
        };
        let answer = self
            .inner
            .clone()
            .classify(request_within(message, call.deadline))
            .await
            .map_err(|status| from_status("classifier", &status))?;
        let classification = answer.into_inner().classification;
        let missing = || broken_contract("classifier", "its answer has no classification");
        from_wire(classification.ok_or_else(missing)?)
    }
}

fn from_wire(wire: wire::Classification) -> Result<Classification, Failure> {
    let score = |value, what| Score::new(value).map_err(|_| broken_contract("classifier", what));
    let learned = Learned {
        lower_tier_suffices: wire.lower_tier_suffices,
        expected_gain: wire.expected_gain,
        familiarity: wire.familiarity,
        rank: wire.rank,
    };
    Ok(Classification {
        task_kind: task_kind(wire.task_kind()),
        difficulty: score(wire.difficulty, "difficulty is not between 0 and 1")?,
        confidence: score(wire.confidence, "confidence is not between 0 and 1")?,
        source: match wire.source() {
            wire::ClassificationSource::ActionOverride => Source::ActionOverride,
            wire::ClassificationSource::Marker => Source::Marker,
            wire::ClassificationSource::Scorer => Source::Scorer,
            wire::ClassificationSource::Unavailable | wire::ClassificationSource::Unspecified => {
                Source::Unavailable
            }
        },
        tier: if wire.tier.is_empty() {
            None
        } else {
            let no_name = |_| broken_contract("classifier", "tier is no name");
            Some(TierName::new(wire.tier).map_err(no_name)?)
        },
        code_language: (!wire.code_language.is_empty()).then_some(wire.code_language),
        expected_output_tokens: (wire.expected_output_tokens > 0)
            .then_some(wire.expected_output_tokens),
        evidence: wire.evidence.into_iter().map(evidence).collect(),
        learned,
    })
}

fn evidence(wire: wire::Evidence) -> Evidence {
    Evidence {
        feature: wire.feature,
        weight: wire.weight,
        detail: wire.detail,
    }
}

fn task_kind(wire: wire::TaskKind) -> TaskKind {
    match wire {
        wire::TaskKind::Unspecified => TaskKind::Unknown,
        wire::TaskKind::Chat => TaskKind::Chat,
        wire::TaskKind::Classification => TaskKind::Classification,
        wire::TaskKind::Extraction => TaskKind::Extraction,
        wire::TaskKind::Rewriting => TaskKind::Rewriting,
        wire::TaskKind::Code => TaskKind::Code,
        wire::TaskKind::Math => TaskKind::Math,
        wire::TaskKind::Reasoning => TaskKind::Reasoning,
        wire::TaskKind::Orchestration => TaskKind::Orchestration,
    }
}
