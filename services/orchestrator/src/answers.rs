//! What stands in front of the router: requests that are being answered, and answers that are kept.
//!
//! 1. The same id twice at once is one request: the second caller waits for the first one's answer.
//! 2. An id that was answered is answered again as long as the answer is kept; after that the
//!    ledger says what it knows of it. Never a second charge.
//! 3. With caching, a question that was answered well before is not asked again, and one that is
//!    being asked is asked once.
//!
//! Who waits for another's answer leaves when its own caller or deadline does, and takes over when
//! the other one leaves.

mod flights;
mod kept;
mod key;

use std::sync::Arc;
use std::time::Duration;

use terrace_domain::{ActionName, Failure, ProjectName, Reason, RequestId};
use tokio::time::Instant;

use crate::metrics::{CacheUse, Metrics};
use crate::request::Request;
use crate::route::{Answered, Context, Router, Unanswered};
use flights::{Flights, Turn};
use kept::{Kept, Shelf};
use key::Key;

/// How answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Whether any are.
    pub enabled: bool,
    /// How many bytes of them, at most.
    pub max_bytes: u64,
}

/// An answer, made for this request or reused.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer, as it was made.
    pub answered: Arc<Answered>,
    /// Whose it was before; `None` when it was made now.
    pub reuse: Option<Reuse>,
}

/// How an answer comes to be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// How old it is.
    pub age: Duration,
    /// The request that has it now, and how long that took; `None` when it is the same request,
    /// sent again, whose attempts and cost it is told.
    pub by: Option<(RequestId, Duration)>,
}

/// How a request ends.
type End = Result<Reply, Box<Unanswered>>;

/// Which answers are thrown out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// The one that this request made.
    Of(RequestId),
    /// All of this action.
    For(ActionName),
}

/// Answers requests, each question once.
#[derive(Debug)]
pub struct Answers {
    router: Arc<Router>,
    flights: Flights,
    shelf: Option<Shelf>,
    /// Whatever changes answers beside the request: how this orchestrator is set up.
    setup: Key,
    metrics: Metrics,
}

impl Answers {
    /// Stands in front of `router`; `setup` tells one config from another.
    #[must_use]
    pub fn new(router: Arc<Router>, settings: CacheSettings, setup: &str) -> Self {
        Self {
            router,
            flights: Flights::default(),
            shelf: settings.enabled.then(|| Shelf::new(settings.max_bytes)),
            setup: Key::of_setup(setup),
            metrics: Metrics::new(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Unanswered`] with the attempts made and what they cost.
    pub async fn answer(&self, request: &Request, context: &Context) -> End {
        if !request.id_from_client {
            return self.by_question(request, context).await;
        }
        let body = Key::of_body(request);
        let id = Key::of_id(request);
        if let Some(kept) = self.kept(id) {
            let same = kept.body == Some(body);
            return if same {
                self.metrics.cache(CacheUse::Replayed);
                Ok(Reply::again(&kept.answered, kept.age()))
            } else {
                Err(other_body(request))
            };
        }
        loop {
            match self.flights.turn(id, body) {
                Turn::Taken => return Err(other_body(request)),
                Turn::Wait(waiting) => {
                    if let Some(end) = waiting.end(request, context).await {
                        self.metrics.cache(CacheUse::Joined);
                        return end.map(|answered| Reply::made(&answered));
                    }
                }
                Turn::Lead(flight) => {
                    let end = self.by_question(request, context).await;
                    self.keep_for_replay(request, (id, body), &end);
                    flight.land(&end);
                    return end;
                }
            }
        }
    }

    /// Answers a question from what is kept, together with others who ask it, or by the router.
    async fn by_question(&self, request: &Request, context: &Context) -> End {
        let cache = request.policy.cache;
        if self.shelf.is_none() || !(cache.read || cache.write) {
            return self.by_router(request, context).await;
        }
        let arrived = Instant::now();
        let key = Key::of_question(request, self.setup);
        if cache.read
            && let Some(kept) = self.kept(key)
        {
            self.metrics.cache(CacheUse::Hit);
            return Ok(Reply::reused(
                &kept.answered,
                kept.age(),
                (request, arrived),
            ));
        }
        if !cache.read {
            let end = self.by_router(request, context).await;
            self.keep(request, key, &end);
            return end;
        }
        loop {
            match self.flights.turn(key, key) {
                Turn::Lead(flight) => {
                    self.metrics.cache(CacheUse::Missed);
                    let end = self.by_router(request, context).await;
                    self.keep(request, key, &end);
                    flight.land(&end);
                    return end;
                }
                Turn::Wait(waiting) => {
                    if let Some(end) = waiting.end(request, context).await {
                        self.metrics.cache(CacheUse::Joined);
                        let new = Duration::ZERO;
                        return end.map(|made| Reply::reused(&made, new, (request, arrived)));
                    }
                }
                // A question is its own body.
                Turn::Taken => return self.by_router(request, context).await,
            }
        }
    }

    async fn by_router(&self, request: &Request, context: &Context) -> End {
        let answered = self.router.route(request, context).await?;
        Ok(Reply::made(&Arc::new(answered)))
    }

    fn kept(&self, key: Key) -> Option<Arc<Kept>> {
        self.shelf.as_ref()?.get(key)
    }

    /// Keeps an answer that passed its judge.
    fn keep(&self, request: &Request, key: Key, end: &End) {
        if let (Some(shelf), Ok(reply)) = (&self.shelf, end)
            && request.policy.cache.write
            && has_passed(&reply.answered)
        {
            shelf.put(key, Kept::new(request, None, &reply.answered));
        }
    }

    /// Keeps an answer for whoever sends the same request again.
    fn keep_for_replay(&self, request: &Request, (id, body): (Key, Key), end: &End) {
        if let (Some(shelf), Ok(reply)) = (&self.shelf, end)
            && request.policy.cache.write
            && reply.reuse.is_none()
        {
            shelf.put(id, Kept::new(request, Some(body), &reply.answered));
        }
    }

    /// Throws answers out; returns how many.
    #[must_use]
    pub fn evict(&self, project: &ProjectName, evicted: &Evicted) -> u64 {
        let shelf = self.shelf.as_ref();
        shelf.map_or(0, |shelf| shelf.evict(project, evicted))
    }
}

impl Reply {
    /// An answer made for this request.
    fn made(answered: &Arc<Answered>) -> Self {
        Self {
            answered: Arc::clone(answered),
            reuse: None,
        }
    }

    /// The answer of this very request, sent again.
    fn again(answered: &Arc<Answered>, age: Duration) -> Self {
        Self {
            answered: Arc::clone(answered),
            reuse: Some(Reuse { age, by: None }),
        }
    }

    /// Another request's answer to the same question.
    fn reused(
        answered: &Arc<Answered>,
        age: Duration,
        (request, arrived): (&Request, Instant),
    ) -> Self {
        let by = Some((request.id, arrived.elapsed()));
        Self {
            answered: Arc::clone(answered),
            reuse: Some(Reuse { age, by }),
        }
    }
}

/// Whether the judge looked at the answer and passed it.
fn has_passed(answered: &Answered) -> bool {
    let answering = answered.attempts.get(answered.answering);
    let verdict = answering.and_then(|attempt| attempt.verdict.as_ref());
    answered.passed && verdict.is_some_and(|verdict| verdict.passed)
}

fn other_body(request: &Request) -> Box<Unanswered> {
    let message = format!(
        "request_id {} was used before for another request: give this one an id of its own",
        request.id
    );
    Unanswered::without_attempts(request.id, Failure::new(Reason::RequestIdUsed, message))
}
