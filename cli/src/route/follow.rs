//! The events of a streamed answer: attempts on the spinner, chunks on standard output.

use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::{CommitMode, RouteRequest, RouteResponse, RouteStreamRequest};

use super::waiting::Waiting;
use crate::args::{Commit, RouteArgs};
use crate::client::{Client, within};
use crate::error::Trouble;
use crate::output::Output;
use crate::style::heading;
use crate::{render, wording};

/// Prints the answer as it comes; returns the whole response at its end.
pub(super) async fn follow(
    client: &Client,
    request: RouteRequest,
    output: Output,
    args: &RouteArgs,
) -> Result<RouteResponse, Trouble> {
    let mut shown = Shown {
        output,
        prints: !args.json,
        waiting: Waiting::start(output.is_watched(), "planning"),
        begun: false,
        shows: None,
        ends_line: true,
    };
    let message = RouteStreamRequest {
        request: Some(request),
        commit_mode: mode(args.commit).into(),
        prefix_tokens: 0,
    };
    let mut router = client.router();
    let opened = router.route_stream(within(message, args.timeout)).await;
    let mut events = opened?.into_inner();
    while let Some(message) = events.message().await? {
        match message.event {
            Some(Event::Completed(response)) => {
                shown.complete()?;
                return Ok(response);
            }
            Some(event) => shown.event(&event)?,
            // An event of a newer server: the answer comes all the same.
            None => {}
        }
    }
    Err(Failure::new(
        Reason::ServiceUnavailable,
        "the stream ended without the response: call again",
    )
    .into())
}

const fn mode(commit: Commit) -> CommitMode {
    match commit {
        Commit::HoldBack => CommitMode::HoldBack,
        Commit::Prefix => CommitMode::Prefix,
        Commit::Provisional => CommitMode::Provisional,
    }
}

/// What a person has seen so far.
struct Shown {
    output: Output,
    /// Whether the answer is printed at all, which JSON does at the end.
    prints: bool,
    waiting: Waiting,
    begun: bool,
    /// The attempt whose text is being printed.
    shows: Option<u32>,
    ends_line: bool,
}

impl Shown {
    fn event(&mut self, event: &Event) -> Result<(), Trouble> {
        match event {
            Event::PlanMade(_) => self.waiting.say("planned"),
            Event::AttemptStarted(attempt) => {
                let (tier, model) = (
                    wording::clean(&attempt.tier),
                    wording::clean(&attempt.model),
                );
                self.waiting.say(&format!("trying {tier} {model}"));
            }
            Event::AttemptRejected(rejected) => {
                if let Some(attempt) = &rejected.attempt {
                    let model = wording::model(&attempt.model, attempt.scripted);
                    let happened = render::happened(attempt);
                    let takes_back = self.shows == Some(attempt.index);
                    self.rejected(&format!("{model}: {happened}"), takes_back)?;
                }
            }
            Event::Chunk(chunk) if self.prints => {
                self.shows = Some(chunk.attempt_index);
                self.chunk(&chunk.text)?;
            }
            Event::Chunk(_) | Event::Committed(_) | Event::Completed(_) => {}
        }
        Ok(())
    }

    fn chunk(&mut self, text: &str) -> Result<(), Trouble> {
        self.begin()?;
        let text = wording::clean(text);
        if !text.is_empty() {
            self.ends_line = text.ends_with('\n');
            self.output.print(&text)?;
        }
        Ok(())
    }

    /// Says that an attempt fell short, and takes back what it has printed if it has. One that ran
    /// beside the one that is being printed says nothing.
    fn rejected(&mut self, line: &str, takes_back: bool) -> Result<(), Trouble> {
        if self.begun && !takes_back {
            return Ok(());
        }
        if self.begun {
            self.begun = false;
            let end = if self.ends_line { "" } else { "\n" };
            self.ends_line = true;
            self.output
                .print(&format!("{end}=== Taken back: {line} ===\n"))?;
        } else {
            self.waiting.note(line);
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        if !self.begun {
            self.begun = true;
            self.waiting.finish();
            self.output.print(&format!("{}\n", heading("Response")))?;
        }
        Ok(())
    }

    /// All of the answer is there, which may be nothing.
    fn complete(&mut self) -> Result<(), Trouble> {
        self.waiting.finish();
        if self.prints {
            self.begin()?;
            if !self.ends_line {
                self.output.print("\n")?;
            }
        }
        Ok(())
    }
}
