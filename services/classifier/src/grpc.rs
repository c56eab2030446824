//! Wire in, use case, wire out. No decisions are made here.

mod lesson;
mod request;

use std::mem::take;
use std::sync::Arc;

use terrace_domain::{Failure, Reason, Score};
use terrace_proto::classifier::v1 as wire;
use terrace_proto::classifier::v1::classifier_service_server::ClassifierService;
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status};

use crate::classify::{self, Classification, Classifier, Source};
use crate::config::RequestLimits;
use crate::evidence::Evidence;
use crate::learning::Learning;
use crate::recent::Ranks;
use crate::task::TaskKind;

/// Reads `bytes` as the message of each rpc, and classifies what is in it.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], classifier: &Classifier) {
    use prost::Message as _;
    if let Ok(mut message) = wire::ClassifyRequest::decode(bytes) {
        let models = take(&mut message.models).len();
        if let Ok(request) = request::from_wire(message, RequestLimits::default(), models) {
            drop(classifier.classify(&request));
            drop(lesson::hashed(classify::read(&request)));
        }
    }
    if let Ok(message) = wire::LearnRequest::decode(bytes) {
        drop(lesson::from_wire(message));
    }
}

/// The generated service over the use case.
#[derive(Debug, Clone)]
pub struct Grpc {
    classifier: Arc<Classifier>,
    recent: Arc<Ranks>,
    learning: Option<Arc<Learning>>,
    limits: RequestLimits,
}

impl Grpc {
    /// Serves `classifier` to requests within `limits`; it learns where `learning` is given.
    #[must_use]
    pub fn new(classifier: Classifier, learning: Option<Learning>, limits: RequestLimits) -> Self {
        Self {
            classifier: Arc::new(classifier),
            learning: learning.map(Arc::new),
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
        let mut message = request.into_inner();
        let (models, is_hashed) = (take(&mut message.models), message.with_hashed_text);
        let request = request::from_wire(message, self.limits, models.len())
            .map_err(|failure| to_status(&failure))?;
        let learning = self.learning.as_ref();
        let (classification, accuracies) = {
            let online = learning.map(|learning| learning.look());
            let online = online.as_deref();
            let accuracies = online.map(|online| lesson::accuracies(online, &request, models));
            let classification = self.classifier.classify_with(&request, online);
            (classification, accuracies.unwrap_or_default())
        };
        let rank = self.recent.place(classification.difficulty);
        let hashed_text = learning.filter(|_| is_hashed);
        Ok(Response::new(wire::ClassifyResponse {
            classification: Some(wire::Classification {
                rank: rank.map_or(0.0, Score::get),
                ..to_wire(classification)
            }),
            hashed_text: hashed_text.map(|_| lesson::hashed(classify::read(&request))),
            accuracies,
        }))
    }

    async fn learn(
        &self,
        request: Request<wire::LearnRequest>,
    ) -> Result<Response<wire::LearnResponse>, Status> {
        let lesson = lesson::from_wire(request.into_inner());
        let lesson = lesson.map_err(|failure| to_status(&failure))?;
        if let Some(learning) = &self.learning {
            learning.learn(&lesson);
        }
        let learned = self.learning.is_some();
        Ok(Response::new(wire::LearnResponse { learned }))
    }

    async fn get_learning(
        &self,
        _request: Request<wire::GetLearningRequest>,
    ) -> Result<Response<wire::GetLearningResponse>, Status> {
        let standing = self.learning.as_ref().map(|learning| learning.standing());
        let told = standing.map(lesson::standing);
        Ok(Response::new(told.unwrap_or_default()))
    }

    async fn roll_back_learning(
        &self,
        request: Request<wire::RollBackLearningRequest>,
    ) -> Result<Response<wire::RollBackLearningResponse>, Status> {
        let number = request.into_inner().number;
        let learning = self.learning.as_ref().ok_or_else(|| to_status(&off()))?;
        let lessons = learning.roll_back(number);
        let lessons = lessons.map_err(|failure| to_status(&failure))?;
        Ok(Response::new(wire::RollBackLearningResponse { lessons }))
    }
}

fn off() -> Failure {
    let message = "nothing is learned here: set routing.learning.enabled";
    Failure::new(Reason::NotFound, message)
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
