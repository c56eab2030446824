//! The ways into a site: its orchestrator over gRPC and, where there is one, its edge over HTTP.

use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;

use super::edge::Edge;
use super::{Answer, CALL, Question};

/// Of ten questions so many go over HTTP, where there is an edge.
const OVER_HTTP: u8 = 3;

/// A way into a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The orchestrator's own.
    Grpc,
    /// The edge's.
    Http,
}

/// The ways into one site; cheap to clone.
#[derive(Debug, Clone)]
pub struct Doors {
    router: Link,
    edge: Option<Edge>,
}

impl From<Link> for Doors {
    fn from(router: Link) -> Self {
        Self { router, edge: None }
    }
}

impl Doors {
    /// With the door of an edge beside it.
    #[must_use]
    pub fn and(self, edge: Edge) -> Self {
        Self {
            edge: Some(edge),
            ..self
        }
    }

    /// Every one that there is.
    pub fn all(&self) -> impl Iterator<Item = Door> + use<> {
        let edge = self.edge.as_ref().map(|_| Door::Http);
        std::iter::once(Door::Grpc).chain(edge)
    }

    /// One of them, by chance.
    #[must_use]
    pub fn any(&self, chance: &mut fastrand::Rng) -> Door {
        match self.edge {
            Some(_) if chance.u8(0..10) < OVER_HTTP => Door::Http,
            _ => Door::Grpc,
        }
    }

    /// Sends a question once.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        match (question.door, &self.edge) {
            (Door::Grpc, _) => self.route(question).await,
            (Door::Http, Some(edge)) => edge.complete(question).await,
            (Door::Http, None) => Err(Failure::new(Reason::Internal, "there is no edge")),
        }
    }

    async fn route(&self, question: &Question) -> Result<Answer, Failure> {
        let mut router = RouterServiceClient::new(self.router.clone());
        let message = request_within(question.message(), Deadline::within(CALL));
        match router.route(message).await {
            Ok(response) => Ok(Answer::of(response.get_ref())),
            Err(status) => Err(to_failure(&status)),
        }
    }
}
