//! Services that answer from a script and remember what they were asked.
//!
//! Each fake implements the generated server trait of the real service and stands behind the
//! same layers and the same kind of link, so the orchestrator cannot tell it from the real one.

mod classifier;
mod gateway;
mod judge;
mod ledger;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use terrace_domain::{Failure, Reason};
use terrace_rpc::deadline;
use terrace_rpc::status::to_status;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub(crate) use classifier::{Classifier, classified};
pub(crate) use gateway::{Gateway, Step};
pub(crate) use judge::{Judge, verdict};
pub(crate) use ledger::Ledger;

/// A call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen<Q> {
    pub(crate) message: Q,
    pub(crate) time_left: Duration,
}

impl<Q> Seen<Q> {
    fn of(request: Request<Q>) -> Self {
        Self {
            time_left: deadline::of(&request).remaining(),
            message: request.into_inner(),
        }
    }
}

/// What a fake does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Answer<A> {
    Says(A),
    Fails(Failure),
    /// As it stands, with or without a reason of ours.
    Status(Status),
    /// Never answers.
    Hangs,
    /// Waits for the token, then answers as usual.
    Waits(CancellationToken),
    /// Panics with this text.
    Panics(&'static str),
}

pub(crate) fn fails<A>(reason: Reason) -> Answer<A> {
    Answer::Fails(Failure::new(reason, "scripted failure"))
}

/// One rpc of a fake: what it was asked, and what it will answer.
#[derive(Debug)]
pub(crate) struct Rpc<Q, A> {
    seen: watch::Sender<Vec<Seen<Q>>>,
    next: Mutex<VecDeque<Answer<A>>>,
    usual: Mutex<Answer<A>>,
}

impl<Q: Clone, A: Clone> Rpc<Q, A> {
    fn new(usual: Answer<A>) -> Self {
        Self {
            seen: watch::Sender::new(Vec::new()),
            next: Mutex::default(),
            usual: Mutex::new(usual),
        }
    }

    /// Answers the next calls like this, and the ones after them as usual.
    pub(crate) fn next(&self, answers: impl IntoIterator<Item = Answer<A>>) {
        self.next.lock().unwrap().extend(answers);
    }

    /// Answers every call like this from now on.
    pub(crate) fn always(&self, answer: Answer<A>) {
        *self.usual.lock().unwrap() = answer;
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.borrow().len()
    }

    pub(crate) fn seen(&self) -> Vec<Seen<Q>> {
        self.seen.borrow().clone()
    }

    /// What the last call said.
    pub(crate) fn last(&self) -> Q {
        self.seen.borrow().last().unwrap().message.clone()
    }

    /// Waits until so many calls have come.
    pub(crate) async fn called(&self, times: usize) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| seen.len() >= times).await.unwrap();
    }

    async fn answer(&self, request: Request<Q>) -> Result<Response<A>, Status> {
        let seen = Seen::of(request);
        self.seen.send_modify(|all| all.push(seen));
        let next = self.next.lock().unwrap().pop_front();
        let usual = || self.usual.lock().unwrap().clone();
        let mut answer = next.unwrap_or_else(usual);
        if let Answer::Waits(token) = &answer {
            token.cancelled().await;
            answer = usual();
        }
        match answer {
            Answer::Says(message) => Ok(Response::new(message)),
            Answer::Fails(failure) => Err(to_status(&failure)),
            Answer::Status(status) => Err(status),
            Answer::Hangs | Answer::Waits(_) => std::future::pending().await,
            Answer::Panics(text) => scripted_panic(text),
        }
    }
}

#[expect(clippy::panic, reason = "the defect that a test asks for")]
fn scripted_panic(text: &str) -> ! {
    panic!("{text}")
}

/// The answer of rpcs that the orchestrator never calls.
fn uncalled<T>() -> Result<T, Status> {
    let failure = Failure::new(Reason::NotImplemented, "the fake has no such rpc");
    Err(to_status(&failure))
}
