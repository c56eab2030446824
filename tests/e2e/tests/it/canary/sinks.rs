//! Every place where Terrace writes something down, as text.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use terrace_proto::router::v1::WatchRequestsRequest;
use terrace_testkit::postgres::TestDatabase;
use tokio_stream::StreamExt as _;

use super::requests::{keyed, run};
use super::stage::Stage;

/// How long nothing more comes before a watcher has heard all.
const QUIET: Duration = Duration::from_millis(500);

/// A place and all that is written there.
pub(super) struct Sink {
    pub(super) name: String,
    pub(super) text: String,
}

impl Sink {
    pub(super) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The markers that it holds, each with what stands around it.
    pub(super) fn leaks(&self, markers: &[&str]) -> Vec<String> {
        let found = markers.iter().filter_map(|marker| {
            let at = self.text.find(marker)?;
            let from = self.text.floor_char_boundary(at.saturating_sub(160));
            let to = self.text.ceil_char_boundary(at + 80);
            let around = &self.text[from..to];
            Some(format!("{} has {marker}: …{around}…", self.name))
        });
        found.collect()
    }
}

/// Everything that is written down at this moment. The log is not: it is whole when all has stopped.
pub(super) async fn all(stage: &Stage) -> Vec<Sink> {
    let mut sinks = vec![
        Sink::new("OTLP", stage.sandbox.collector.json()),
        Sink::new("WatchRequests", watched(stage).await),
    ];
    for url in stage.metrics() {
        let text = run(Command::new("curl").args(["-sS", "--fail", &url]));
        sinks.push(Sink::new(url, text));
    }
    sinks.extend(tables(&stage.sandbox.database));
    sinks.extend(files_of(&stage.folder.path().join("learned")));
    sinks.extend(files_of(&stage.folder.path().join("spool")));
    sinks
}

/// What somebody is told who asks for everything that is known.
async fn watched(stage: &Stage) -> String {
    let ask = WatchRequestsRequest {
        ended_too: true,
        ..WatchRequestsRequest::default()
    };
    let opened = stage.sandbox.router().watch_requests(keyed(ask)).await;
    let mut events = opened.unwrap().into_inner();
    let mut text = String::new();
    while let Ok(Some(event)) = tokio::time::timeout(QUIET, events.next()).await {
        text += &format!("{:?}\n", event.unwrap());
    }
    text
}

/// Every table of the ledger, row by row.
pub(super) fn tables(database: &TestDatabase) -> Vec<Sink> {
    let names = database.query(
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    );
    let names = names.into_iter().flatten();
    names
        .map(|name| {
            let rows = database.query(&format!("SELECT t::text FROM \"{name}\" t"));
            let text = rows.into_iter().flatten().collect::<Vec<_>>().join("\n");
            Sink::new(format!("table {name}"), text)
        })
        .collect()
}

/// Every file in a folder; bytes that are no text are left out.
pub(super) fn files_of(folder: &Path) -> Vec<Sink> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|file| {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let name = file.path().display().to_string();
            Sink::new(name, String::from_utf8_lossy(&bytes))
        })
        .collect()
}
