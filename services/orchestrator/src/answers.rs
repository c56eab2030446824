//! What stands in front of the router: requests that are being answered, and answers that are kept.
//!
//! 1. The same id twice at once is one request: the second caller waits for the first one's answer.
//! 2. An id that was answered is answered again for a day, as long as the answer is kept; after
//!    that the ledger says what it knows of it. Never a second charge.
//! 3. With caching, a question that was answered well before is not asked again, and one that is
//!    being asked is asked once.
//!
//! Who waits for another's answer leaves when its own caller or deadline does, and takes over when
//! the other one leaves. Who flies looks into the store first: nobody who comes between a look and
//! a flight can miss both.

mod flights;
mod key;
mod memory;
mod reply;
mod store;

use std::sync::Arc;

use terrace_domain::{Failure, ProjectName};
use tokio::time::Instant;

use crate::fingerprint::Fingerprint;
use crate::metrics::{self, CacheUse};
use crate::request::Request;
use crate::route::shadow::Shadows;
use crate::route::used_id::other_body;
use crate::route::{Answered, Context, Router, Unanswered};
use flights::{Flight, Flights, Turn};

pub use key::Key;
pub use memory::Memory;
pub use reply::{Made, Reply, Reuse, Told};
pub use store::{Evicted, Kept, Store};

/// How a request ends.
type End = Result<Reply, Box<Unanswered>>;

/// Answers requests, each question once.
#[derive(Debug)]
pub struct Answers {
    router: Arc<Router>,
    flights: Flights,
    store: Arc<dyn Store>,
    /// Whatever changes answers beside the request: how this orchestrator is set up.
    setup: Key,
    shadows: Option<Shadows>,
}

impl Answers {
    /// Stands in front of `router`; `setup` tells one config from another.
    #[must_use]
    pub fn new(router: Arc<Router>, store: Arc<dyn Store>, setup: &str) -> Self {
        Self {
            router,
            flights: Flights::default(),
            store,
            setup: Key::of_setup(setup),
            shadows: None,
        }
    }

    /// The same, with some answers asked of another tier too.
    #[must_use]
    pub fn with_shadows(self, shadows: Option<Shadows>) -> Self {
        Self { shadows, ..self }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Unanswered`] with the attempts made and what they cost.
    pub async fn answer(&self, request: &Request, context: &Context) -> End {
        let Some(body) = request.body else {
            return self.by_question(request, context).await;
        };
        let id = Key::of_id(request);
        loop {
            match self.flights.turn(id, Some(body)) {
                Turn::Taken => return Err(used_by_another(request)),
                Turn::Wait(waiting) => {
                    if let Some(end) = waiting.end(request, context).await {
                        metrics::cache(CacheUse::Joined);
                        return end;
                    }
                }
                Turn::Lead(flight) => {
                    let end = self.by_id(request, (id, body), context).await;
                    return land(flight, end);
                }
            }
        }
    }

    /// Answers a request with an id of its own from what it got before, or as a new one.
    async fn by_id(
        &self,
        request: &Request,
        (id, body): (Key, Fingerprint),
        context: &Context,
    ) -> End {
        let arrived = Instant::now();
        if let Some(kept) = self.store.get(&request.project, id).await {
            if kept.body != Some(body) {
                return Err(used_by_another(request));
            }
            metrics::cache(CacheUse::Replayed);
            return Ok(Reply::again(&kept.made, kept.age(), (request, arrived)));
        }
        let end = self.by_question(request, context).await;
        if let Ok(reply) = &end
            && !request.policy.cache.no_replay
        {
            let kept = Kept::for_replay(request, body, reply);
            self.store.put(id, kept).await;
        }
        end
    }

    /// Answers a question from what is kept, together with others who ask it, or by the router.
    async fn by_question(&self, request: &Request, context: &Context) -> End {
        let cache = request.policy.cache;
        if !(cache.read || cache.write) {
            return self.by_router(request, context).await;
        }
        let arrived = Instant::now();
        let key = Key::of_question(request, self.setup);
        if !cache.read {
            return self.anew(request, key, context).await;
        }
        loop {
            match self.flights.turn(key, None) {
                Turn::Lead(flight) => {
                    let end = self.kept_or_anew(request, (key, arrived), context).await;
                    return land(flight, end);
                }
                Turn::Wait(waiting) => {
                    if let Some(end) = waiting.end(request, context).await {
                        metrics::cache(CacheUse::Joined);
                        let reply = end?;
                        let reused = Reply::reused(&reply.made, reply.age(), (request, arrived));
                        return self.give(reused, request, context).await;
                    }
                }
                // A question has no body beside itself.
                Turn::Taken => return self.by_router(request, context).await,
            }
        }
    }

    /// Answers a question from what is kept, or by the router.
    async fn kept_or_anew(
        &self,
        request: &Request,
        (key, arrived): (Key, Instant),
        context: &Context,
    ) -> End {
        if let Some(kept) = self.store.get(&request.project, key).await {
            metrics::cache(CacheUse::Hit);
            let reused = Reply::reused(&kept.made, kept.age(), (request, arrived));
            return self.give(reused, request, context).await;
        }
        metrics::cache(CacheUse::Missed);
        self.anew(request, key, context).await
    }

    /// Writes down that a request has another one's answer, and gives it that: what it saved stands
    /// in the ledger like everything else, before it is answered.
    async fn give(&self, reused: Reply, request: &Request, context: &Context) -> End {
        let close = reused.made.close(reused.latency());
        let settled = self.router.settle_reused(request, context, &close).await;
        settled.map_err(|failure| Unanswered::without_attempts(request.id, failure))?;
        Ok(reused)
    }

    /// Answers by the router, and keeps an answer that passed its judge.
    async fn anew(&self, request: &Request, key: Key, context: &Context) -> End {
        let end = self.by_router(request, context).await;
        let cache = request.policy.cache;
        if let Ok(reply) = &end
            && cache.write
            && !cache.ttl.is_zero()
            && has_passed(&reply.made)
        {
            self.store
                .put(key, Kept::for_question(request, reply))
                .await;
        }
        end
    }

    async fn by_router(&self, request: &Request, context: &Context) -> End {
        let answered = self.router.route(request, context).await?;
        if let Some(shadows) = &self.shadows {
            shadows.offer(&self.router, request, &answered);
        }
        Ok(Reply::made(answered))
    }

    /// Throws answers out; returns how many.
    ///
    /// # Errors
    /// Where they are kept cannot be reached.
    pub async fn evict(&self, project: &ProjectName, evicted: &Evicted) -> Result<u64, Failure> {
        self.store.evict(project, evicted).await
    }
}

/// Tells those who wait, and returns, how a flight ended.
fn land(flight: Flight, end: End) -> End {
    flight.land(&end);
    end
}

/// Whether the judge looked at the answer and passed it.
fn has_passed(made: &Made) -> bool {
    let Made::Here(answered) = made else {
        return false;
    };
    let judged = |answered: &Answered| {
        let answering = answered.attempts.get(answered.answering)?;
        Some(answering.verdict.as_ref()?.passed)
    };
    answered.passed && judged(answered).unwrap_or(false)
}

fn used_by_another(request: &Request) -> Box<Unanswered> {
    Unanswered::without_attempts(request.id, other_body(request.id))
}
