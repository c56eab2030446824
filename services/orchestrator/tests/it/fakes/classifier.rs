//! A classifier that finds everything easy until told otherwise.

use terrace_proto::classifier::v1::classifier_service_server::ClassifierService;
use terrace_proto::classifier::v1::{
    Classification, ClassificationSource, ClassifyRequest, ClassifyResponse, Evidence,
    GetLearningRequest, GetLearningResponse, LearnRequest, LearnResponse, RollBackLearningRequest,
    RollBackLearningResponse, TaskKind,
};
use tonic::{Request, Response, Status};

use super::{Answer, Rpc, uncalled};

#[derive(Debug)]
pub(crate) struct Classifier {
    pub(crate) classify: Rpc<ClassifyRequest, ClassifyResponse>,
    pub(crate) learn: Rpc<LearnRequest, LearnResponse>,
}

/// A chat of this difficulty, with one piece of evidence.
pub(crate) fn classified(difficulty: f64) -> Classification {
    Classification {
        task_kind: TaskKind::Chat.into(),
        difficulty,
        confidence: 0.75,
        expected_output_tokens: 40,
        source: ClassificationSource::Scorer.into(),
        evidence: vec![Evidence {
            feature: "prompt_length".to_owned(),
            weight: -0.25,
            detail: "a short prompt".to_owned(),
        }],
        ..Classification::default()
    }
}

impl Classifier {
    pub(crate) fn new() -> Self {
        Self {
            classify: Rpc::new(Self::finding(classified(0.1))),
            learn: Rpc::new(Answer::Says(LearnResponse { learned: true })),
        }
    }

    pub(crate) fn finding(classification: Classification) -> Answer<ClassifyResponse> {
        Answer::Says(ClassifyResponse {
            classification: Some(classification),
            ..ClassifyResponse::default()
        })
    }
}

#[tonic::async_trait]
impl ClassifierService for Classifier {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        self.classify.answer(request).await
    }

    async fn learn(
        &self,
        request: Request<LearnRequest>,
    ) -> Result<Response<LearnResponse>, Status> {
        self.learn.answer(request).await
    }

    async fn get_learning(
        &self,
        _request: Request<GetLearningRequest>,
    ) -> Result<Response<GetLearningResponse>, Status> {
        uncalled()
    }

    async fn roll_back_learning(
        &self,
        _request: Request<RollBackLearningRequest>,
    ) -> Result<Response<RollBackLearningResponse>, Status> {
        uncalled()
    }
}
