//! An answer on its way from a gateway: into the draft, past the judge's eyes, and out to the caller
//! when its mode allows.
//!
//! The judge watches from the moment that there is enough to look at, and an answer that no more
//! text can help is ended there and then. What has been committed is not ended: half an answer
//! that the caller keeps is worse than a poor one.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use terrace_domain::{Failure, Reason};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use crate::answer::Delta;
use crate::ports::{Answering, Call, Generated, Judge, Outlook, Pieces};
use crate::route::attempt::Scene;
use crate::route::draft::Draft;
use crate::route::events::{Commit, Event};
use crate::route::plan::Candidate;
use crate::verdict::Verdict;

/// As much text as it takes until the judge watches: ending a shorter answer early saves nothing.
const ENOUGH_BYTES: usize = 160;
/// As long as it takes until the judge watches an answer that is held back: one that comes faster
/// is over before anything could be saved by ending it.
const LONG_ENOUGH: Duration = Duration::from_millis(250);

/// One answer on its way.
pub(super) struct Flow<'a> {
    scene: Scene<'a>,
    candidate: &'a Candidate,
    index: u32,
    judge: &'a dyn Judge,
    /// What has come.
    pub(super) draft: Draft,
    watch: Watch,
    /// Deltas of a prefix that is not committed yet.
    held: Vec<Delta>,
    /// Whether the caller has got some of it for good.
    pub(super) committed: bool,
    since: Instant,
    /// From the call to the first piece.
    pub(super) first: Option<Duration>,
}

/// Whether the judge watches.
enum Watch {
    /// Not enough has come.
    NotYet,
    /// It does.
    On {
        text: mpsc::UnboundedSender<String>,
        outlook: Outlook,
    },
    /// It has no more to say, is not wanted, or cannot be asked.
    Off,
}

/// How an answer came to its end, when nothing failed.
pub(super) enum Flowed {
    /// The model has said all.
    Complete,
    /// No more text can help.
    Hopeless(Verdict),
    /// Another attempt spoke first, and only one may.
    Outrun,
}

impl<'a> Flow<'a> {
    pub(super) fn new(
        scene: Scene<'a>,
        index: u32,
        candidate: &'a Candidate,
        judge: &'a dyn Judge,
    ) -> Self {
        let watch = if scene.plan.quality_check {
            Watch::NotYet
        } else {
            Watch::Off
        };
        if let Some(race) = scene.race {
            race.calls();
        }
        Self {
            scene,
            candidate,
            index,
            judge,
            draft: Draft::default(),
            watch,
            held: Vec::new(),
            committed: false,
            since: Instant::now(),
            first: None,
        }
    }

    /// How its text is wanted: nobody is shown what is held back.
    pub(super) fn pieces(&self) -> Pieces {
        match self.scene.context.events.commit() {
            Commit::HoldBack => Pieces::Gathered,
            Commit::Prefix { .. } | Commit::Provisional => Pieces::AsTheyCome,
        }
    }

    /// What came, and whether the caller has some of it for good. The judge stops watching.
    pub(super) fn end(self) -> (Draft, bool) {
        (self.draft, self.committed)
    }

    /// From the call until now.
    pub(super) fn took(&self) -> Duration {
        self.since.elapsed()
    }

    /// From the call to the first piece, or to now while there is none.
    pub(super) fn first(&self) -> Duration {
        self.first.unwrap_or_else(|| self.took())
    }

    /// Takes the events of an answer until it is complete or hopeless.
    pub(super) async fn run(
        &mut self,
        mut events: BoxStream<'static, Result<Generated, Failure>>,
    ) -> Result<Flowed, Failure> {
        loop {
            let due = self.watch_due();
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(due.unwrap_or(self.since)), if due.is_some() => {
                    self.begin_watching();
                }
                verdict = self.watch.next() => {
                    if let Some(hopeless) = self.look(verdict).await {
                        return Ok(Flowed::Hopeless(hopeless));
                    }
                }
                event = events.next() => {
                    let event = event.unwrap_or_else(|| Err(cut_short()))?;
                    if let Some(end) = self.take(event).await {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Takes one event; returns how the answer came to its end, if it has.
    async fn take(&mut self, event: Generated) -> Option<Flowed> {
        let Generated::Delta(delta) = event else {
            return self.draft.take(event).then_some(Flowed::Complete);
        };
        self.draft.take(Generated::Delta(delta.clone()));
        if !self.may_speak() {
            return Some(Flowed::Outrun);
        }
        self.show_the_judge(&delta.text);
        match self.scene.context.events.commit() {
            Commit::HoldBack => {}
            Commit::Provisional => self.send(delta, true).await,
            Commit::Prefix { .. } if self.committed => self.send(delta, false).await,
            Commit::Prefix { .. } => {
                self.held.push(delta);
                if matches!(self.watch, Watch::Off) && !self.scene.plan.quality_check {
                    self.commit_if_long_enough().await;
                }
            }
        }
        None
    }

    /// Notes the first piece, and whether no other attempt has the word.
    fn may_speak(&mut self) -> bool {
        if self.first.is_some() {
            return true;
        }
        self.first = Some(self.took());
        let index = self.index;
        self.scene.race.is_none_or(|race| race.speaks(index))
    }

    /// Hands text to the judge; the first piece is all that has come so far.
    fn show_the_judge(&mut self, piece: &str) {
        match &self.watch {
            Watch::Off => {}
            Watch::On { text, .. } => {
                // A judge that is gone is noticed where its verdicts end.
                let _gone = text.send(piece.to_owned());
            }
            // What is there is shown when the time has come, before more is read.
            Watch::NotYet => {}
        }
    }

    /// When the judge is to watch what has come; `None` while that is too little, and once it does.
    fn watch_due(&self) -> Option<Instant> {
        if !matches!(self.watch, Watch::NotYet) {
            return None;
        }
        let (is_enough, due) = match self.scene.context.events.commit() {
            Commit::Prefix { tokens } => (self.draft.tokens() >= tokens, self.since),
            Commit::HoldBack | Commit::Provisional => (
                self.draft.text().len() >= ENOUGH_BYTES,
                self.since + LONG_ENOUGH,
            ),
        };
        is_enough.then_some(due)
    }

    /// Has the judge look at what has come, and at what will.
    fn begin_watching(&mut self) {
        let (text, texts) = mpsc::unbounded_channel();
        let _kept = text.send(self.draft.text().to_owned());
        let answering = Answering {
            request: self.scene.request,
            classification: &self.scene.plan.classification,
            model: &self.candidate.model,
        };
        let deadline = self.scene.deadline;
        let outlook = self.judge.watch(answering, texts, Call { deadline });
        self.watch = Watch::On { text, outlook };
    }

    /// Takes what the judge says of the beginning; returns the verdict when that is the end.
    async fn look(&mut self, verdict: Option<Result<Verdict, Failure>>) -> Option<Verdict> {
        match verdict {
            Some(Ok(verdict)) if verdict.passed => self.commit_if_long_enough().await,
            Some(Ok(verdict)) if !self.committed => return Some(verdict),
            Some(Ok(_)) => {}
            Some(Err(failure)) => {
                // The whole answer will be judged, so nothing is lost but time.
                tracing::debug!(reason = %failure.reason, "the judge cannot watch an answer");
                self.watch = Watch::Off;
            }
            None => self.watch = Watch::Off,
        }
        None
    }

    /// In the mode that commits a prefix: lets out what was held back, for good.
    async fn commit_if_long_enough(&mut self) {
        let Commit::Prefix { tokens } = self.scene.context.events.commit() else {
            return;
        };
        if self.committed || self.draft.tokens() < tokens {
            return;
        }
        self.committed = true;
        let index = self.index;
        self.scene
            .context
            .events
            .send(Event::Committed { index })
            .await;
        for delta in std::mem::take(&mut self.held) {
            self.send(delta, false).await;
        }
    }

    async fn send(&mut self, delta: Delta, provisional: bool) {
        let chunk = Event::Chunk {
            index: self.index,
            delta,
            provisional,
        };
        self.scene.context.events.send(chunk).await;
    }
}

impl Watch {
    /// What the judge says next; never, while it is not watching.
    async fn next(&mut self) -> Option<Result<Verdict, Failure>> {
        match self {
            Self::On { outlook, .. } => outlook.next().await,
            Self::NotYet | Self::Off => std::future::pending().await,
        }
    }
}

fn cut_short() -> Failure {
    Failure::new(
        Reason::Truncated,
        "the gateway's stream ended before the answer was complete",
    )
}
