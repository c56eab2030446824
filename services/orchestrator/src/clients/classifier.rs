//! The classifier over a link.

use std::sync::Arc;

use async_trait::async_trait;
use terrace_domain::{Failure, ModelName, Score, TierName};
use terrace_proto::classifier::v1 as wire;
use terrace_proto::classifier::v1::classifier_service_client::ClassifierServiceClient;
use terrace_rpc::deadline::request_within;
use terrace_rpc::link::Link;

use super::{broken_contract, from_status};
use crate::classification::{Classification, Evidence, Hashed, Learned, Source, TaskKind, Taught};
use crate::ports::{Call, Classify, Learn};
use crate::request::Request;
use crate::route::lessons::Lesson;

/// Calls the classifier.
#[derive(Debug, Clone)]
pub struct ClassifierClient {
    link: Link,
    inner: ClassifierServiceClient<Link>,
    /// Whether what it says is to be learned from.
    learns: bool,
}

impl ClassifierClient {
    /// Creates a client over a link; prompts of up to `max_message_bytes` can be sent. With `learns`
    /// it asks for what lessons need.
    #[must_use]
    pub fn new(link: Link, max_message_bytes: usize, learns: bool) -> Self {
        let inner = ClassifierServiceClient::new(link.clone());
        Self {
            link,
            learns,
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
            with_hashed_text: self.learns,
            models: if self.learns {
                members(request)
            } else {
                Vec::new()
            },
        };
        let wire = async |request| self.inner.clone().classify(request).await;
        let request = request_within(message, call.deadline);
        let answer = self.link.unary(request, wire).await;
        let answer = answer.map_err(|status| from_status("classifier", &status))?;
        let answer = answer.into_inner();
        let missing = || broken_contract("classifier", "its answer has no classification");
        let classification = from_wire(answer.classification.ok_or_else(missing)?)?;
        Ok(Classification {
            taught: Taught {
                hashed: answer.hashed_text.map(|text| Arc::new(hashed(text))),
                accuracies: accuracies(answer.accuracies)?,
            },
            ..classification
        })
    }
}

#[async_trait]
impl Learn for ClassifierClient {
    async fn learn(&self, lesson: &Lesson, call: Call) -> Result<bool, Failure> {
        let quality = |(model, quality): &(ModelName, f64)| wire::ModelQuality {
            model: model.to_string(),
            quality: *quality,
        };
        let action = lesson.action.as_ref();
        let message = wire::LearnRequest {
            hashed_text: lesson.hashed.as_deref().cloned().map(hashed_text),
            project: lesson.project.to_string(),
            action: action.map(ToString::to_string).unwrap_or_default(),
            gain: lesson.gain,
            models: lesson.models.iter().map(quality).collect(),
            count: lesson.count,
        };
        let answer = self
            .inner
            .clone()
            .learn(request_within(message, call.deadline))
            .await
            .map_err(|status| from_status("classifier", &status))?;
        Ok(answer.into_inner().learned)
    }
}

/// Whose accuracy is wanted: those who may vote.
fn members(request: &Request) -> Vec<String> {
    let wish = request.policy.consensus.as_ref();
    let models = wish.map(|wish| wish.models.as_slice()).unwrap_or_default();
    models.iter().map(ToString::to_string).collect()
}

fn accuracies(wire: Vec<wire::ModelAccuracy>) -> Result<Vec<(ModelName, Score)>, Failure> {
    let told = wire.into_iter().map(|own| {
        let no_name = |_| broken_contract("classifier", "an accuracy is of no name");
        let no_score = |_| broken_contract("classifier", "an accuracy is not between 0 and 1");
        let model = ModelName::new(own.model).map_err(no_name)?;
        Ok((model, Score::new(own.accuracy).map_err(no_score)?))
    });
    told.collect()
}

fn hashed(wire: wire::HashedText) -> Hashed {
    Hashed {
        buckets: wire.buckets,
        values: wire.values,
        words: wire.words,
        measures: wire.measures,
        prior: wire.prior,
    }
}

fn hashed_text(hashed: Hashed) -> wire::HashedText {
    wire::HashedText {
        buckets: hashed.buckets,
        values: hashed.values,
        words: hashed.words,
        measures: hashed.measures,
        prior: hashed.prior,
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
        taught: Taught::default(),
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
