//! Brings lessons to the classifier, and remembers answers until their callers say what became of
//! them.
//!
//! No request waits for it: lessons queue for one task that hands them on in turn, and what comes
//! while the queue is full is dropped and counted. Answers are remembered without any text, by project
//! and id, for a day and within a bound of memory.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use terrace_domain::{Failure, ProjectName, Reason, RequestId};
use terrace_runtime::{Kind, Tasks};
use tokio::sync::mpsc;

use crate::metrics::{self, LessonResult};
use crate::ports::{Call, Learn};
use crate::request::Request;
use crate::route::Answered;
use crate::route::lessons::{Given, Lesson, Reported, of_verdicts};
use crate::route::plan::Rules;
use crate::route::trail::Attempt;

/// Lessons that may wait.
const QUEUE: usize = 1024;
/// How long the classifier may take for one.
const LEARN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer is remembered.
const REMEMBERED: Duration = Duration::from_hours(24);
/// Most bytes that remembered answers may take.
const MOST_BYTES: u64 = 64 << 20;

/// Brings lessons to the classifier.
#[derive(Debug, Clone)]
pub struct Learner {
    queue: mpsc::Sender<Lesson>,
    given: Cache<(ProjectName, RequestId), Arc<Given>>,
    rules: Arc<Rules>,
}

impl Learner {
    /// Starts to hand on lessons to `port`, as a task of `tasks`.
    #[must_use]
    pub fn start(port: Arc<dyn Learn>, rules: Rules, tasks: &Tasks) -> Self {
        let (queue, lessons) = mpsc::channel(QUEUE);
        tasks.spawn("learn", Kind::Background, hand_on(port, lessons));
        let weight = |_: &_, given: &Arc<Given>| u32::try_from(given.bytes()).unwrap_or(u32::MAX);
        Self {
            queue,
            given: Cache::builder()
                .weigher(weight)
                .max_capacity(MOST_BYTES)
                .time_to_live(REMEMBERED)
                .build(),
            rules: Arc::new(rules),
        }
    }

    /// Learns from the verdicts on a request that was answered, and remembers its answer.
    pub(super) fn answered(&self, request: &Request, answered: &Answered) {
        self.judged(request, answered);
        if let Some(given) = Given::of(request, answered, &self.rules) {
            let key = (request.project.clone(), request.id);
            self.given.insert(key, Arc::new(given));
        }
    }

    fn judged(&self, request: &Request, answered: &Answered) {
        let attempts: &[Attempt] = &answered.attempts;
        let classification = &answered.classification;
        let lesson = of_verdicts(request, classification, attempts, &self.rules);
        lesson.into_iter().for_each(|lesson| {
            let _queued = self.send(lesson);
        });
    }

    /// Learns from what another tier made of a question.
    pub(super) fn compared(&self, lesson: Lesson) {
        let _queued = self.send(lesson);
    }

    /// Learns from what the caller did with an answer; returns whether it is learned from. An answer
    /// has one such report.
    ///
    /// # Errors
    /// No answer of this project with this id is remembered.
    pub fn reported(
        &self,
        project: &ProjectName,
        id: RequestId,
        reported: Reported,
    ) -> Result<bool, Failure> {
        let given = self.given.remove(&(project.clone(), id));
        let given = given.ok_or_else(unknown)?;
        Ok(self.send(given.lesson(reported)))
    }

    /// Queues a lesson, unless too many wait.
    fn send(&self, lesson: Lesson) -> bool {
        let queued = self.queue.try_send(lesson).is_ok();
        if !queued {
            metrics::lesson(LessonResult::Dropped);
        }
        queued
    }
}

/// Why nothing can be learned of an answer.
fn unknown() -> Failure {
    let message = "no answer of this project with this id is remembered by this orchestrator, or its \
                   outcome was reported before; answers are remembered for a day at most";
    Failure::new(Reason::NotFound, message)
}

async fn hand_on(port: Arc<dyn Learn>, mut lessons: mpsc::Receiver<Lesson>) {
    while let Some(lesson) = lessons.recv().await {
        let learned = port.learn(&lesson, Call::within(LEARN_TIMEOUT)).await;
        metrics::lesson(match learned {
            Ok(true) => LessonResult::Learned,
            Ok(false) => LessonResult::Refused,
            Err(failure) => {
                tracing::debug!(reason = %failure.reason, "a lesson was lost");
                LessonResult::Failed
            }
        });
    }
}
