//! What the use case needs of other services, as traits that it owns.
//!
//! `clients/` implements them over links; tests implement them as scripts. Nothing here knows
//! gRPC.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::stream::BoxStream;
use terrace_domain::{BackendName, Failure, ModelName, NanoUsd, Reason, Step, Usage};
use terrace_rpc::deadline::Deadline;
use tokio::sync::mpsc;

use crate::answer::{Answer, Delta};
use crate::catalog::Listed;
use crate::classification::Classification;
use crate::fingerprint::Fingerprint;
use crate::opinion::SecondOpinion;
use crate::request::Request;
use crate::route::lessons::Lesson;
use crate::route::plan::Candidate;
use crate::route::trail::{Attempt, Close};
use crate::verdict::Verdict;

/// Bounds of one call to another service.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// When the answer is of no use any more.
    pub deadline: Deadline,
}

/// How the text of an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// Each piece as soon as the model has it.
    AsTheyCome,
    /// As many together as come within a moment: nobody is shown them one by one.
    Gathered,
}

impl Call {
    /// A call that may take this long.
    #[must_use]
    pub fn within(span: Duration) -> Self {
        Self {
            deadline: Deadline::within(span),
        }
    }
}

/// Says what a request asks for and how hard it is.
#[async_trait]
pub trait Classify: Debug + Send + Sync {
    /// Classifies one request.
    async fn classify(&self, request: &Request, call: Call) -> Result<Classification, Failure>;
}

/// Learns from what became of answers.
#[async_trait]
pub trait Learn: Debug + Send + Sync {
    /// Learns from one; returns whether anything is learned there at all.
    async fn learn(&self, lesson: &Lesson, call: Call) -> Result<bool, Failure>;
}

/// One event of an answer that is being generated.
#[derive(Debug, Clone, PartialEq)]
pub enum Generated {
    /// More of it.
    Delta(Delta),
    /// What has been used so far; the latest counts.
    Usage(Usage),
    /// The answer is complete.
    Finished {
        /// Why the model stopped, as its wire number: passed on, never looked at.
        finish_reason: i32,
        /// What the whole call used, if it was counted.
        usage: Option<Usage>,
    },
}

/// How far a fetch of a model has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What is being done, in the backend's words.
    pub status: String,
    /// Bytes fetched so far of the part at hand.
    pub completed_bytes: u64,
    /// Bytes of the part at hand; 0 when not known.
    pub total_bytes: u64,
    /// Whether the model can be called now.
    pub done: bool,
}

/// Runs the models of one backend.
#[async_trait]
pub trait Generate: Debug + Send + Sync {
    /// The backend behind it.
    fn backend(&self) -> &BackendName;

    /// Whether nobody is there who could answer: the gateway has no replica.
    fn is_at_zero(&self) -> bool {
        false
    }

    /// Sees to it that somebody is there, by waiting where the config wants that.
    ///
    /// # Errors
    /// Nobody is; says what that means for the request.
    async fn present(&self, _call: Call) -> Result<(), Failure> {
        Ok(())
    }

    /// Starts an answer. Dropping the stream stops the backend.
    async fn generate(
        &self,
        request: &Request,
        candidate: &Candidate,
        pieces: Pieces,
        call: Call,
    ) -> Result<BoxStream<'static, Result<Generated, Failure>>, Failure>;

    /// Turns texts into vectors, in their order.
    async fn embed(
        &self,
        _request: &Request,
        _model: &ModelName,
        _texts: Vec<String>,
        _call: Call,
    ) -> Result<(Vec<Vec<f32>>, Usage), Failure> {
        Err(Failure::new(
            Reason::CapabilityMissing,
            "it turns no texts into vectors",
        ))
    }

    /// Has the backend fetch a model. Dropping the stream ends that.
    async fn pull(
        &self,
        _model: &ModelName,
        _call: Call,
    ) -> Result<BoxStream<'static, Result<Pulled, Failure>>, Failure> {
        Err(Failure::new(
            Reason::CapabilityMissing,
            "it fetches no models",
        ))
    }

    /// Lists its models, and says how busy its backend is.
    async fn list_models(&self, call: Call) -> Result<Listed, Failure>;
}

/// An answer that is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What it was taken for.
    pub classification: &'a Classification,
    /// Model that answered.
    pub model: &'a ModelName,
    /// The answer.
    pub answer: &'a Answer,
    /// Whether it is to be told from other code.
    pub with_code_tree: bool,
}

/// An answer that is still coming.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What it was taken for.
    pub classification: &'a Classification,
    /// Model that answers.
    pub model: &'a ModelName,
}

/// What the judge says of an answer, and whom it asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What it says.
    pub verdict: Verdict,
    /// Models that it asked, in their order.
    pub opinions: Vec<SecondOpinion>,
    /// What tells its code from other code, if that was wanted and it has code that parses.
    pub code_tree: Option<String>,
}

/// What the judge says of an answer while it comes; ends when it has no more to say.
pub type Outlook = BoxStream<'static, Result<Verdict, Failure>>;

/// Says whether an answer is good enough.
#[async_trait]
pub trait Judge: Debug + Send + Sync {
    /// Judges one answer.
    async fn judge(&self, answered: Answered<'_>, call: Call) -> Result<Judged, Failure>;

    /// Watches an answer whose text comes through `text`. A verdict that did not pass means that
    /// no more text can help; the first text gets a verdict in any case.
    fn watch(
        &self,
        answering: Answering<'_>,
        text: mpsc::UnboundedReceiver<String>,
        call: Call,
    ) -> Outlook;
}

/// What the ledger knows of a request that was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// How it ended; `None` while it is open.
    pub end: Option<KnownEnd>,
    /// What it has cost.
    pub cost: NanoUsd,
    /// What its caller had sent; `None` when the ledger does not know.
    pub body: Option<Fingerprint>,
}

/// How a request ended, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownEnd {
    /// This tier answered it.
    Answered {
        /// The tier.
        tier: String,
        /// Whether its answer passed.
        passed: bool,
    },
    /// Nobody did.
    Failed,
    /// Its caller went away or its deadline passed.
    Cancelled,
    /// Its orchestrator died; its cost is presumed.
    Presumed,
}

/// Keeps the books.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    /// Holds the worst case of one step; returns when the hold would be settled as presumed.
    async fn reserve(
        &self,
        request: &Request,
        step: Step,
        candidate: &Candidate,
        call: Call,
    ) -> Result<Option<SystemTime>, Failure>;

    /// Writes down attempts and, with a close, ends the request. It is in the books then; where nothing
    /// was held or spent, and the config says so, it will be.
    async fn settle(
        &self,
        request: &Request,
        attempts: &[Attempt],
        close: Option<&Close>,
        call: Call,
    ) -> Result<(), Failure>;

    /// Looks for an earlier request of the same project and id; `None` when there was none.
    async fn find(&self, request: &Request, call: Call) -> Result<Option<KnownRequest>, Failure>;
}
