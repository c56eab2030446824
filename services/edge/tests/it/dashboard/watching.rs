//! Requests while they are answered: in flight, and one with its plan and its hops.

use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::router::v1 as wire;
use terrace_proto::router::v1::watch_requests_response::Event;

use super::playing::said;
use super::{Browser, CLOSED};
use crate::books::{EVIL, KNOWN, MANAGER};
use crate::fake::attempt;
use crate::world::World;

/// A request that the ledger does not know.
const OPEN: &str = "0190a0a0-0000-7000-8000-0000000000aa";

fn begun(action: &str) -> wire::RequestBegun {
    wire::RequestBegun {
        at: Some(prost_types::Timestamp {
            seconds: 1_764_180_000,
            nanos: 0,
        }),
        project: "search".to_owned(),
        key_id: String::new(),
        action: action.to_owned(),
    }
}

fn started(model: &str) -> Event {
    Event::AttemptStarted(wire::AttemptStarted {
        tier: "local_fast".to_owned(),
        model: model.to_owned(),
        ..wire::AttemptStarted::default()
    })
}

fn planned() -> wire::RequestPlanned {
    let candidate = wire::Candidate {
        model: "small".to_owned(),
        why: EVIL.to_owned(),
        ..wire::Candidate::default()
    };
    wire::RequestPlanned {
        plan: Some(wire::Plan {
            candidates: vec![candidate],
            ..wire::Plan::default()
        }),
        took: Some(millis(3)),
    }
}

const fn millis(millis: i32) -> prost_types::Duration {
    prost_types::Duration {
        seconds: 0,
        nanos: millis * 1_000_000,
    }
}

#[tokio::test]
async fn what_is_in_flight_is_told_as_markup_that_is_escaped() {
    let world = World::with(CLOSED, Vec::new()).await;
    let ended = Event::Ended(wire::RequestEnded::default());
    world.fake.tells(&[
        (KNOWN, Event::Begun(begun("gone"))),
        (OPEN, Event::Begun(begun(EVIL))),
        (OPEN, Event::Planned(planned())),
        (OPEN, started("org/big")),
        (KNOWN, ended),
    ]);
    let browser = Browser::signed_in(&world, MANAGER).await;
    let said = said(&browser, "/dashboard/requests/in-flight", "org/big").await;
    assert!(said.contains(OPEN) && !said.contains(EVIL), "{said}");
    let last = said.lines().rfind(|line| line.contains("org/big")).unwrap();
    assert!(!last.contains("gone"), "{last}");
}

#[tokio::test]
async fn a_watcher_that_missed_something_forgets_what_may_have_ended() {
    let world = World::with(CLOSED, Vec::new()).await;
    let trace = wire::RequestTrace {
        begun: Some(begun("goes on")),
        ..wire::RequestTrace::default()
    };
    world.fake.tells(&[
        (KNOWN, Event::Begun(begun("may have ended"))),
        ("", Event::MissedEvents(9)),
        (OPEN, Event::Known(trace)),
    ]);
    let browser = Browser::signed_in(&world, MANAGER).await;
    let said = said(&browser, "/dashboard/requests/in-flight", "goes on").await;
    let last = said.lines().rfind(|line| line.contains("goes on")).unwrap();
    assert!(!last.contains("may have ended"), "{last}");
}

#[tokio::test]
async fn a_request_that_the_books_do_not_know_yet_is_shown_as_it_is_answered() {
    let world = World::with(CLOSED, Vec::new()).await;
    let trace = wire::RequestTrace {
        begun: Some(begun("edit_file")),
        planned: Some(planned()),
        ..wire::RequestTrace::default()
    };
    world
        .fake
        .tells(&[(OPEN, Event::Known(trace)), (OPEN, started("org/big"))]);
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let page = browser.get(&format!("/dashboard/requests/{OPEN}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    for part in [
        "in flight",
        "edit_file",
        "<h2>Plan</h2>",
        "data-live=",
        "goes on",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(EVIL));
    let live = format!("/dashboard/requests/{OPEN}/live");
    assert!(
        said(&browser, &live, "org/big")
            .await
            .contains("event: replace")
    );
}

#[tokio::test]
async fn a_request_that_has_ended_shows_its_plan_findings_and_hops() {
    let world = World::with(CLOSED, Vec::new()).await;
    let attempt = wire::Attempt {
        outcome: AttemptOutcome::Rejected.into(),
        started_at: begun("").at,
        hops: Some(wire::AttemptHops {
            reserving: Some(millis(2)),
            first_piece: Some(millis(120)),
            generating: Some(millis(350)),
            judging: Some(millis(7)),
        }),
        ..attempt()
    };
    let trace = wire::RequestTrace {
        begun: Some(begun("edit_file")),
        planned: Some(planned()),
        attempts: vec![attempt],
        ended: Some(wire::RequestEnded {
            latency: Some(millis(490)),
            settling: Some(millis(8)),
            ..wire::RequestEnded::default()
        }),
        ..wire::RequestTrace::default()
    };
    world.fake.tells(&[(KNOWN, Event::Known(trace))]);
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let page = browser.get(&format!("/dashboard/requests/{KNOWN}")).await;
    let text = page.text();
    for part in [
        "<h2>Plan</h2>",
        "classify and plan",
        "first piece 120 ms",
        "the rest 230 ms",
        "verdict 7.0 ms",
        "write down",
        "Verdict 0.90",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("data-live="), "it has ended: {text}");
}

#[tokio::test]
async fn a_request_that_only_the_books_know_is_shown_from_them() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let page = browser.get(&format!("/dashboard/requests/{KNOWN}")).await;
    let text = page.text();
    assert!(text.contains("the steps of the books") && !text.contains("<h2>Plan</h2>"));
    let unknown = browser.get(&format!("/dashboard/requests/{OPEN}")).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn backends_tell_how_many_are_in_flight_and_how_many_wait() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let text = browser.get("/dashboard/backends").await.text();
    assert!(
        text.contains("<dd>2 of 4</dd>") && text.contains("<dd>7</dd>"),
        "{text}"
    );
}
