//! `terrace models pull`: has a backend fetch a model and shows how far it is.
//!
//! A bar on a terminal, a line for each step elsewhere, an object a line with `--json`. Leaving it
//! ends the fetch; what was fetched stays with the backend, which goes on from there the next time.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use terrace_proto::router::v1::{PullModelRequest, PullModelResponse};

use crate::client::{Client, within};
use crate::error::Trouble;
use crate::exit::Exit;
use crate::output::Output;

/// The longest fetch: as long as any call may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What to fetch, and where to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) backend: Option<&'a str>,
}

/// Has the model fetched.
pub(super) async fn run(
    server: &str,
    output: Output,
    wanted: Wanted<'_>,
    as_json: bool,
) -> Result<Exit, Trouble> {
    let request = PullModelRequest {
        model: wanted.name.to_owned(),
        backend: wanted.backend.unwrap_or_default().to_owned(),
    };
    let mut router = Client::new(server)?.router();
    let steps = router.pull_model(within(request, PATIENCE)).await?;
    let mut steps = steps.into_inner();
    let mut shown = Shown::new(output, as_json);
    let mut backend = String::new();
    while let Some(step) = steps.message().await? {
        shown.step(&step)?;
        backend = step.backend;
    }
    shown.bar.finish_and_clear();
    if !as_json {
        output.print(&format!("{} is on backend {backend}\n", wanted.name))?;
    }
    Ok(Exit::Fine)
}

/// The progress as somebody sees it.
struct Shown {
    output: Output,
    as_json: bool,
    bar: ProgressBar,
    /// The last step that was printed as a line.
    said: String,
}

impl Shown {
    fn new(output: Output, as_json: bool) -> Self {
        let bar = if as_json || !output.is_watched() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        let style = "{msg:24!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            output,
            as_json,
            bar,
            said: String::new(),
        }
    }

    fn step(&mut self, step: &PullModelResponse) -> Result<(), Trouble> {
        if self.as_json {
            let line = json!({"status": step.status, "completed_bytes": step.completed_bytes,
                "total_bytes": step.total_bytes, "done": step.done});
            self.output.print(&format!("{line}\n"))?;
            return Ok(());
        }
        self.bar.set_length(step.total_bytes);
        self.bar.set_position(step.completed_bytes);
        self.bar.set_message(step.status.clone());
        if self.bar.is_hidden() && step.status != self.said && !step.done {
            self.output.complain(&step.status);
            self.said.clone_from(&step.status);
        }
        Ok(())
    }
}
