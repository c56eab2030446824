//! Calls within the process that go without bytes: the callee's handler gets the caller's message.
//!
//! A message that is encoded, framed and decoded to come to the other side of the same process costs
//! more than most handlers do. A server that offers a method here ([`crate::Services::direct`]) is
//! asked without: [`crate::Link::unary`] and [`crate::Link::streaming`] find it by the type of the
//! request, which belongs to one method alone. Everything else that a call meets is what it meets on
//! the wire, by the same limits, deadlines, counters and spans. The size of a message is the one thing
//! that is not looked at: it came in by somebody who has.

mod stream;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use terrace_domain::Failure;
use tonic::{Code, Extensions, Request, Response, Status};
use tracing::Instrument as _;

use crate::body::Knife as _;
use crate::deadline::{self, Deadline, header, passed_on};
use crate::drain::{self, Drain};
use crate::limit::{Limit, Place};
use crate::metrics::{self, Metrics};
use crate::panic::internal;
use crate::reject::in_our_words;
use crate::status::to_status;
use crate::trace::Hop;
use stream::Streamed;

/// What a call is answered with.
pub type Answer<A> = Result<Response<A>, Status>;
/// A stream of messages, as a method hands it out.
pub type Messages<A> = BoxStream<'static, Result<A, Status>>;

/// A method that can be called without bytes.
pub(crate) struct Method<Q, A> {
    /// Its full name, as `terrace.classifier.v1.ClassifierService/Classify`.
    name: &'static str,
    handle: Box<dyn Fn(Request<Q>) -> BoxFuture<'static, Answer<A>> + Send + Sync>,
}

/// The methods of one server that can be called without bytes, by the type of their request.
#[derive(Clone, Default)]
pub(crate) struct Methods(HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>);

impl Methods {
    pub(crate) fn add<Q, A, F>(
        &mut self,
        name: &'static str,
        handle: impl Fn(Request<Q>) -> F + Send + Sync + 'static,
    ) where
        Q: 'static,
        A: 'static,
        F: Future<Output = Answer<A>> + Send + 'static,
    {
        let handle = Box::new(move |request| handle(request).boxed());
        let method: Arc<dyn Any + Send + Sync> = Arc::new(Method::<Q, A> { name, handle });
        self.0.insert(TypeId::of::<Q>(), (name, method));
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().map(|(name, _)| *name)
    }

    fn find<Q: 'static, A: 'static>(&self) -> Option<&Method<Q, A>> {
        let (_, method) = self.0.get(&TypeId::of::<Q>())?;
        method.downcast_ref()
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// A server as a caller in the same process sees it. Clones are the same server.
#[derive(Debug, Clone)]
pub(crate) struct Callee {
    pub(crate) service: &'static str,
    pub(crate) methods: Arc<Methods>,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
    pub(crate) deadlines: deadline::server::Server,
    pub(crate) limit: Limit,
}

/// The caller's side of calls to one callee.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    peer: &'static str,
    metrics: Metrics,
    callee: Callee,
}

/// What a call holds until its end.
struct Held {
    /// The handler's deadline, and what is said when it has passed.
    until: deadline::server::Ticket,
    call: drain::Call,
    _place: Place,
}

/// The call as both sides count it; one that is dropped before its end was left by its caller.
struct Counted {
    hop: Hop,
    sides: [metrics::Call; 2],
}

impl Caller {
    pub(crate) fn new(peer: &'static str, callee: Callee) -> Self {
        Self {
            peer,
            metrics: Metrics::client(peer),
            callee,
        }
    }

    /// Calls the method that takes a `Q`, if it can be called without bytes.
    pub(crate) async fn unary<Q: 'static, A: 'static>(
        &self,
        method: &Method<Q, A>,
        request: Request<Q>,
    ) -> Answer<A> {
        let counted = self.count(method.name);
        let answered = self.callee.answer(method, request);
        let answered = answered.instrument(counted.hop.span()).await;
        counted.end(answered.as_ref().map_or_else(Status::code, |_| Code::Ok));
        answered.map(|(response, _held)| response)
    }

    /// The same for a method that answers by a stream.
    pub(crate) async fn streaming<Q: 'static, A: Send + 'static>(
        &self,
        method: &Method<Q, Messages<A>>,
        request: Request<Q>,
    ) -> Answer<Messages<A>> {
        let counted = self.count(method.name);
        let answered = self.callee.answer(method, request);
        match answered.instrument(counted.hop.span()).await {
            Ok((response, held)) => {
                Ok(response.map(|messages| Streamed::new(messages, held, counted).boxed()))
            }
            Err(status) => {
                counted.end(status.code());
                Err(status)
            }
        }
    }

    pub(crate) fn find<Q: 'static, A: 'static>(&self) -> Option<&Method<Q, A>> {
        self.callee.methods.find()
    }

    fn count(&self, method: &'static str) -> Counted {
        let sides = [&self.metrics, &self.callee.metrics];
        Counted {
            hop: Hop::begin(self.peer, self.callee.service, method),
            sides: sides.map(|side| side.begin(method)),
        }
    }
}

impl Counted {
    fn end(self, code: Code) {
        for side in self.sides {
            side.end(code);
        }
        self.hop.end(code);
    }
}

impl Callee {
    async fn answer<Q, A>(
        &self,
        method: &Method<Q, A>,
        request: Request<Q>,
    ) -> Result<(Response<A>, Held), Status> {
        // A loop over callees that never wait would otherwise keep timers from running.
        tokio::task::consume_budget().await;
        let (request, held) = self
            .admit(method.name, request)
            .map_err(|failure| to_status(&failure))?;
        let handled = AssertUnwindSafe(async { (method.handle)(request).await }).catch_unwind();
        let answered = tokio::select! {
            biased;
            answered = tokio::time::timeout_at(held.until.deadline.instant(), handled) => answered,
            () = held.call.over.came() => return Err(held.call.over.status()),
        };
        match answered {
            Ok(Ok(Ok(response))) => Ok((response, held)),
            Ok(Ok(Err(status))) => Err(in_our_words(status)),
            Ok(Err(panic)) => Err(to_status(&internal(&*panic))),
            Err(_late) => Err(held.until.status()),
        }
    }

    /// Lets a call in. What would not cross a wire does not cross here: of what the caller put beside
    /// its message, metadata and the deadline do.
    fn admit<Q>(
        &self,
        method: &'static str,
        request: Request<Q>,
    ) -> Result<(Request<Q>, Held), Failure> {
        let call = self.drain.enter()?;
        let own = request.extensions().get::<Deadline>();
        let asked = match own {
            Some(own) => Some(passed_on(own.remaining())),
            None => header::parse(request.metadata().as_ref())?,
        };
        let until = self.deadlines.until(asked, method)?;
        let _place = self.limit.place()?;
        let (metadata, _, message) = request.into_parts();
        let mut extensions = Extensions::default();
        extensions.insert(until.deadline);
        let request = Request::from_parts(metadata, extensions, message);
        Ok((
            request,
            Held {
                until,
                call,
                _place,
            },
        ))
    }
}
