//! Secrets that stand in no place where people look. Each kind of text that is none of Terrace's
//! business (what is asked, what is answered, what providers say, keys) carries a marker of its own;
//! requests of all kinds run through everything; then every place where something is written down
//! is read, and none may hold a marker.
//!
//! The caller alone gets the answer, and with it the words of the user's own judge about it.

mod gossip;
mod requests;
mod sinks;
mod stage;

use std::time::Duration;

use terrace_e2e::{Placement, books};
use tokio::time::{Instant, sleep};

use requests::{ask_all, keyed, secret_question};
use sinks::Sink;
use stage::{ALL, ANSWER, LOCAL_WAITS, Stage};

const WAIT: Duration = Duration::from_secs(30);

/// Takes the ledger's database away while an answer is being made; what then lies in the spool.
async fn spooled(stage: &Stage) -> Vec<Sink> {
    let sandbox = &stage.sandbox;
    let ask = keyed(secret_question(LOCAL_WAITS));
    let mut router = sandbox.router();
    let taken_away = async {
        assert!(sandbox.local.wait_open(1, WAIT).await, "nobody was asked");
        sandbox.database.take_away().unwrap();
    };
    let (answered, ()) = tokio::join!(router.route(ask), taken_away);
    let answered = answered.unwrap().into_inner();
    let spool = sinks::files_of(&stage.folder.path().join("spool"));
    sandbox.database.bring_back().unwrap();
    let has_it = |sink: &Sink| sink.text.contains(&answered.request_id);
    assert!(spool.iter().any(has_it), "the settlement was not spooled");
    let give_up = Instant::now() + WAIT;
    while books::outcome(&sandbox.database, &answered.request_id) != "PASSED" {
        assert!(Instant::now() < give_up, "the spool was not replayed");
        sleep(Duration::from_millis(100)).await;
    }
    spool
}

/// That each place was really read and had been written to.
fn assert_seen(sinks: &[Sink]) {
    for (name, text) in [
        ("OTLP", "chat small"),
        ("WatchRequests", "external/gossip"),
        ("/metrics", "terrace_"),
        ("table requests", "best_effort"),
        ("table usage_events", "BACKEND_UNAUTHORIZED"),
        ("/learned/", ""),
        ("log", "DEBUG"),
        ("log", "backend refused a call"),
        ("log", "an external judge did not answer"),
    ] {
        let mut named = sinks.iter().filter(|sink| sink.name.contains(name));
        assert!(
            named.any(|sink| sink.text.contains(text)),
            "{name} was not read: no {text}"
        );
    }
}

async fn nothing_is_remembered(placement: Placement, log_format: &str) {
    let mut stage = Stage::start(placement, log_format).await;
    let told = ask_all(&stage.sandbox).await;
    assert!(told.answers.iter().any(|answer| answer.contains(ANSWER)));
    assert!(told.errors.len() >= 8, "{:?}", told.errors);

    let mut sinks = spooled(&stage).await;
    sinks.extend(sinks::all(&stage).await);
    // Spans and lines come late; all have when everybody has stopped.
    assert!(stage.sandbox.stop().await.unwrap());
    sinks.push(Sink::new("OTLP", stage.sandbox.collector.json()));
    sinks.push(Sink::new("log", stage.sandbox.log()));
    assert_seen(&sinks);

    let mut leaks: Vec<String> = sinks.iter().flat_map(|sink| sink.leaks(&ALL)).collect();
    let not_for_callers: Vec<&str> = ALL.into_iter().filter(|own| *own != ANSWER).collect();
    let told = [("an error", told.errors), ("an answer", told.answers)];
    for (name, texts) in told {
        let told = texts.into_iter().map(|text| Sink::new(name, text));
        leaks.extend(told.flat_map(|sink| sink.leaks(&not_for_callers)));
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_remembers_nothing_that_is_none_of_its_business() {
    nothing_is_remembered(Placement::InProcess, "text").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_apart_remember_nothing_that_is_none_of_their_business() {
    nothing_is_remembered(Placement::Split, "json").await;
}
