//! Wire in, use case, wire out. No decisions are made here.

mod request;

use std::sync::Arc;

use terrace_domain::Score;
use terrace_proto::classifier::v1 as wire;
use terrace_proto::classifier::v1::classifier_service_server::ClassifierService;
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status};

use crate::classify::{Classification, Classifier, Source};
use crate::config::RequestLimits;
use crate::evidence::Evidence;
use crate::recent::Ranks;
use crate::task::TaskKind;

/// The generated service over the use case.
#[derive(Debug, Clone)]
pub struct Grpc {
    classifier: Arc<Classifier>,
    recent: Arc<Ranks>,
    limits: RequestLimits,
}

impl Grpc {
    /// Serves `classifier` to requests within `limits`.
    #[must_use]
    pub fn new(classifier: Classifier, limits: RequestLimits) -> Self {
        Self {
            classifier: Arc::new(classifier),
            recent: Arc::default(),
            limits,
        }
    }
}

#[tonic::async_trait]
impl ClassifierService for Grpc {
    async fn classify(
        &self,
        request: Request<wire::ClassifyRequest>,
    ) -> Result<Response<wire::ClassifyResponse>, Status> {
        let request = request::from_wire(request.into_inner(), self.limits)
            .map_err(|failure| to_status(&failure))?;
        let classification = self.classifier.classify(&request);
        let rank = self.recent.place(classification.difficulty);
        Ok(Response::new(wire::ClassifyResponse {
            classification: Some(wire::Classification {
                rank: rank.map_or(0.0, Score::get),
                ..to_wire(classification)
            }),
        }))
    }
}

fn to_wire(classification: Classification) -> wire::Classification {
    use wire::ClassificationSource as WireSource;
    let (source, tier) = match classification.source {
        Source::ActionOverride(tier) => (WireSource::ActionOverride, tier.to_string()),
        Source::Marker(tier) => (WireSource::Marker, tier.to_string()),
        Source::Scorer => (WireSource::Scorer, String::new()),
    };
    wire::Classification {
        task_kind: task_kind(classification.task).into(),
        difficulty: classification.difficulty.get(),
        confidence: classification.confidence.get(),
        code_language: classification.code_language.unwrap_or_default(),
        expected_output_tokens: classification.expected_output_tokens,
        source: source.into(),
        tier,
        lower_tier_suffices: classification.outlook.lower_tier_suffices.get(),
        expected_gain: classification.outlook.expected_gain,
        familiarity: classification.outlook.familiarity.get(),
        rank: 0.0,
        evidence: classification.evidence.into_iter().map(evidence).collect(),
    }
}

const fn task_kind(kind: TaskKind) -> wire::TaskKind {
    match kind {
        TaskKind::Chat => wire::TaskKind::Chat,
        TaskKind::Classification => wire::TaskKind::Classification,
        TaskKind::Extraction => wire::TaskKind::Extraction,
        TaskKind::Rewriting => wire::TaskKind::Rewriting,
        TaskKind::Code => wire::TaskKind::Code,
        TaskKind::Math => wire::TaskKind::Math,
        TaskKind::Reasoning => wire::TaskKind::Reasoning,
        TaskKind::Orchestration => wire::TaskKind::Orchestration,
    }
}

fn evidence(evidence: Evidence) -> wire::Evidence {
    wire::Evidence {
        feature: evidence.feature.to_owned(),
        weight: evidence.weight,
        detail: evidence.detail,
    }
}
