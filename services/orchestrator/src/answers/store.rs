//! Where answers are kept, as a trait that the use case owns, and what is kept.
//!
//! Whoever implements it sees to it that a store which fails, or is slow, costs an answer at most:
//! what cannot be read was not there, and what cannot be written is not kept.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use terrace_domain::{ActionName, Failure, ProjectName, RequestId};
use tokio::time::Instant;

use super::key::Key;
use super::reply::{Made, Reply};
use crate::fingerprint::Fingerprint;
use crate::request::Request;

/// How long an answer is kept for the request that got it, in case it is sent again.
const FOR_REPLAY: Duration = Duration::from_hours(24);

/// Keeps answers.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// What is kept for a project under a key; nothing when the store cannot say.
    async fn get(&self, project: &ProjectName, key: Key) -> Option<Kept>;

    /// Keeps an answer as long as it says, or not at all.
    async fn put(&self, key: Key, kept: Kept);

    /// Throws answers of a project out; returns how many. Here a failure is one: who throws an
    /// answer out has to know whether it is gone.
    async fn evict(&self, project: &ProjectName, evicted: &Evicted) -> Result<u64, Failure>;
}

/// Which answers are thrown out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// The one that this request made.
    Of(RequestId),
    /// All of this action.
    For(ActionName),
}

/// An answer that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The answer.
    pub made: Made,
    /// What its caller had sent, if it is kept for that request, sent again.
    pub body: Option<Fingerprint>,
    /// Whose it is.
    pub project: ProjectName,
    /// What its caller was doing; empty when that was not said.
    pub action: String,
    /// How long it is kept from `since` on.
    pub ttl: Duration,
    /// How old it was at `since`.
    pub age_then: Duration,
    /// When it was kept, or read from where it is kept.
    pub since: Instant,
}

impl Kept {
    /// An answer for whoever asks the same question.
    pub(super) fn for_question(request: &Request, reply: &Reply) -> Self {
        Self::new(request, reply, request.policy.cache.ttl)
    }

    /// An answer for the same request, sent again; `body` is what was sent.
    pub(super) fn for_replay(request: &Request, body: Fingerprint, reply: &Reply) -> Self {
        Self {
            body: Some(body),
            ..Self::new(request, reply, FOR_REPLAY)
        }
    }

    fn new(request: &Request, reply: &Reply, ttl: Duration) -> Self {
        Self {
            made: reply.made.clone(),
            body: None,
            project: request.project.clone(),
            action: request.action().to_owned(),
            ttl,
            age_then: reply.age(),
            since: Instant::now(),
        }
    }

    /// How old the answer is.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age_then + self.since.elapsed()
    }

    /// Whether it may still be used.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.since.elapsed() < self.ttl
    }
}
