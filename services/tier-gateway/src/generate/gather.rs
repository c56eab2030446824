//! An answer whose pieces come together, for a caller that waits for the whole of it.
//!
//! A backend writes a piece per token, and each would cost its way through every layer up to the
//! caller. Where nobody is shown the pieces, a task of its own reads the backend and passes on what
//! has gathered: the first piece at once, because clocks are stopped by it, then as much as came
//! within a moment. Nothing is reordered, and only text is put together.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use terrace_runtime::Tasks;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

use super::{Delta, Event, Events, Item};

/// The longest that a piece may wait.
const MOST: Duration = Duration::from_millis(100);
/// As much text as goes on without waiting for more.
const ENOUGH_BYTES: usize = 4096;
/// As many events as may wait for a slow reader; then the backend waits too.
const AHEAD: usize = 8;

/// Reads `events` in a task and passes them on, text that comes within `wait` put together.
pub(super) fn gathered(events: Events, wait: Duration, tasks: &Tasks) -> Events {
    let (out, gathered) = mpsc::channel(AHEAD);
    let gathering = Gathering {
        events,
        out,
        wait: wait.min(MOST),
        text: None,
    };
    // Not awaited: it ends with the answer, or as soon as nobody reads.
    drop(tasks.detach("gather an answer", gathering.run()));
    let items = |mut gathered: mpsc::Receiver<Item>| async {
        let item = gathered.recv().await?;
        Some((item, gathered))
    };
    stream::unfold(gathered, items).boxed()
}

struct Gathering {
    events: BoxStream<'static, Item>,
    out: mpsc::Sender<Item>,
    wait: Duration,
    /// Text that waits for more.
    text: Option<Delta>,
}

impl Gathering {
    async fn run(mut self) {
        if !self.first().await {
            return;
        }
        // Made once: a backend writes a piece per token, and each would make them anew.
        let out = self.out.clone();
        let (mut left, mut due) = (pin!(out.closed()), pin!(sleep(self.wait)));
        loop {
            let goes_on = tokio::select! {
                biased;
                () = &mut left => false,
                event = self.events.next() => match event {
                    Some(event) => self.take(event, due.as_mut()).await,
                    None => {
                        self.pass_on().await;
                        false
                    }
                },
                () = &mut due, if self.text.is_some() => self.pass_on().await,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Passes on everything up to the first piece of text, and that.
    async fn first(&mut self) -> bool {
        loop {
            let event = tokio::select! {
                biased;
                () = self.out.closed() => return false,
                event = self.events.next() => event,
            };
            let Some(event) = event else {
                return false;
            };
            let is_text = matches!(event, Ok(Event::Delta(_)));
            if self.out.send(event).await.is_err() {
                return false;
            }
            if is_text {
                return true;
            }
        }
    }

    /// Keeps text until it is `due`, and sends anything else behind what was kept; whether anybody
    /// reads still.
    async fn take(&mut self, event: Item, due: Pin<&mut Sleep>) -> bool {
        match event {
            Ok(Event::Delta(delta)) if delta.is_text() => {
                let kept = self.keep(delta, due);
                kept < ENOUGH_BYTES || self.pass_on().await
            }
            event => self.pass_on().await && self.out.send(event).await.is_ok(),
        }
    }

    /// Adds text to what waits; how much that is now.
    fn keep(&mut self, delta: Delta, due: Pin<&mut Sleep>) -> usize {
        let kept = self.text.get_or_insert_with(|| {
            due.reset(Instant::now() + self.wait);
            Delta::default()
        });
        kept.append(delta);
        kept.text.len()
    }

    /// Sends what has gathered; whether anybody reads still.
    async fn pass_on(&mut self) -> bool {
        match self.text.take() {
            None => true,
            Some(delta) => self.out.send(Ok(Event::Delta(delta))).await.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Finish, ToolCallDelta};
    use crate::generate::Finished;
    use terrace_domain::{Failure, Reason, Usage};
    use terrace_runtime::Shutdown;

    const WAIT: Duration = Duration::from_millis(20);

    fn text(text: &str) -> Item {
        Ok(Event::Delta(Delta {
            text: text.to_owned(),
            ..Delta::default()
        }))
    }

    fn tool_call() -> Item {
        Ok(Event::Delta(Delta {
            tool_call: Some(ToolCallDelta {
                index: 0,
                id: None,
                name: None,
                arguments: "{".to_owned(),
            }),
            ..Delta::default()
        }))
    }

    fn finished() -> Item {
        Ok(Event::Finished(Finished {
            finish: Finish::Stop,
            usage: Usage::default(),
            served_model: "m".to_owned(),
        }))
    }

    fn broken() -> Item {
        Err(Failure::new(Reason::BackendFailed, "broke"))
    }

    /// What comes of events that each come so many milliseconds after the one before.
    async fn passed_on(events: Vec<(u64, Item)>) -> Vec<Item> {
        let events = stream::iter(events).then(|(after, event)| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            event
        });
        let tasks = Tasks::new(Shutdown::new());
        gathered(events.boxed(), WAIT, &tasks).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_never_waits_and_the_rest_comes_together() {
        let came = passed_on(vec![
            (0, Ok(Event::Usage(Usage::default()))),
            (5, text("a")),
            (1, text("b")),
            (1, text("c")),
            (1, finished()),
        ]);
        let all = vec![
            Ok(Event::Usage(Usage::default())),
            text("a"),
            text("bc"),
            finished(),
        ];
        assert_eq!(came.await, all);
    }

    #[tokio::test(start_paused = true)]
    async fn text_waits_no_longer_than_it_may() {
        let came = passed_on(vec![
            (0, text("a")),
            (1, text("b")),
            (15, text("c")),
            (15, text("d")),
            (0, finished()),
        ]);
        let all = vec![text("a"), text("bc"), text("d"), finished()];
        assert_eq!(came.await, all);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_text_keeps_its_place_and_a_failure_loses_nothing() {
        let came = passed_on(vec![
            (0, text("a")),
            (0, text("b")),
            (0, tool_call()),
            (0, text("c")),
            (0, broken()),
        ]);
        let all = vec![text("a"), text("b"), tool_call(), text("c"), broken()];
        assert_eq!(came.await, all);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_goes_away_ends_the_reading() {
        let tasks = Tasks::new(Shutdown::new());
        let events = stream::iter([text("a")]).chain(stream::pending());
        let mut answer = gathered(events.boxed(), WAIT, &tasks);
        assert_eq!(answer.next().await, Some(text("a")));
        assert_eq!(tasks.running(), 1);
        drop(answer);
        assert!(tasks.wait(Duration::from_secs(1)).await.is_ok());
    }
}
