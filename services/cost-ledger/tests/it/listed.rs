//! Listing: pages that fit together, filters that hold, and refusals that help.

use std::collections::HashMap;

use terrace_domain::{Reason, RequestId};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{Sandbox, answer, closing, ended, settling};

async fn page(ledger: &Sandbox, filter: &str, size: u32, token: &str) -> wire::ListUsageResponse {
    let ask = wire::ListUsageRequest {
        page_size: size,
        page_token: token.to_owned(),
        filter: filter.to_owned(),
    };
    answer(ledger.ledger.clone().list_usage(ask).await).unwrap()
}

/// All rows by pages of this size, as `action step outcome`.
async fn rows(ledger: &Sandbox, filter: &str, size: u32) -> Vec<String> {
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(ledger, filter, size, &token).await;
        assert!(page.events.len() <= size as usize);
        rows.extend(page.events.iter().map(told));
        token = page.next_page_token;
        if token.is_empty() {
            return rows;
        }
        assert!(!page.events.is_empty());
    }
}

fn told(event: &wire::UsageEvent) -> String {
    let step = event.step.as_ref().unwrap();
    format!(
        "{} {} {}",
        event.action,
        step.step,
        step.outcome().as_str_name()
    )
}

/// A request that goes up a tier, under this action, with a topic if there is one.
async fn climb(ledger: &Sandbox, action: &str, topic: &str) -> RequestId {
    let id = RequestId::generate();
    let steps = [
        ended("attempt/0", "local_fast", AttemptOutcome::Rejected, 0),
        ended("attempt/1", "api_fallback", AttemptOutcome::Accepted, 700),
    ];
    let mut ask = closing(settling(id, steps), RequestOutcome::Passed, "api_fallback");
    ask.action = action.to_owned();
    let close = ask.close.as_mut().unwrap();
    close.baseline_nano_usd = Some(900);
    if !topic.is_empty() {
        close.tags = HashMap::from([("topic".to_owned(), topic.to_owned())]);
    }
    ledger.settle(ask).await.unwrap();
    id
}

#[tokio::test]
async fn pages_of_any_size_have_every_row_once_newest_first() {
    let ledger = Sandbox::free().await;
    for action in ["one", "two", "three", "four"] {
        climb(&ledger, action, "").await;
    }
    let expected: Vec<String> = ["four", "three", "two", "one"]
        .into_iter()
        .flat_map(|action| {
            [
                format!("{action} attempt/1 ATTEMPT_OUTCOME_ACCEPTED"),
                format!("{action} attempt/0 ATTEMPT_OUTCOME_REJECTED"),
            ]
        })
        .collect();
    for size in [1, 2, 3, 7, 8, 9, 1000] {
        assert_eq!(rows(&ledger, "", size).await, expected, "pages of {size}");
    }
}

#[tokio::test]
async fn what_is_written_between_two_pages_moves_nothing() {
    let ledger = Sandbox::free().await;
    for action in ["one", "two"] {
        climb(&ledger, action, "").await;
    }
    let first = page(&ledger, "", 3, "").await;
    climb(&ledger, "three", "").await;
    let rest = page(&ledger, "", 3, &first.next_page_token).await;
    let told: Vec<String> = rest.events.iter().map(told).collect();
    assert_eq!(told, ["one attempt/0 ATTEMPT_OUTCOME_REJECTED"]);
    assert_eq!(rest.next_page_token, "");
}

#[tokio::test]
async fn requests_that_closed_in_the_same_moment_are_told_apart() {
    let ledger = Sandbox::free().await;
    for action in ["one", "two", "three"] {
        climb(&ledger, action, "").await;
    }
    ledger.execute("UPDATE requests SET closed_at = '2026-01-26 12:00Z'");
    let mut whole = rows(&ledger, "", 1000).await;
    assert_eq!(rows(&ledger, "", 1).await, whole);
    whole.sort();
    whole.dedup();
    assert_eq!(whole.len(), 6);
}

#[tokio::test]
async fn every_filter_holds_and_they_hold_together() {
    let ledger = Sandbox::free().await;
    climb(&ledger, "edit_file", "async io").await;
    climb(&ledger, "read_file", "async io").await;
    climb(&ledger, "edit_file", "").await;
    for (filter, count) in [
        ("action=edit_file", 4),
        ("tier=api_fallback", 3),
        ("model=local_fast-model", 3),
        ("outcome=rejected", 3),
        ("backend=backend project=default", 6),
        ("tag.topic=\"async io\"", 4),
        ("tag.topic=\"async io\" action=edit_file tier=local_fast", 1),
        ("since=1h", 6),
        ("since=2020-01-01 until=2021-01-01", 0),
        ("project=other", 0),
        ("key=nobody", 0),
        ("tag.topic=async", 0),
    ] {
        assert_eq!(rows(&ledger, filter, 100).await.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn a_row_says_what_it_bought_and_an_open_request_has_none_yet() {
    let ledger = Sandbox::free().await;
    let open = settling(
        RequestId::generate(),
        [ended(
            "attempt/0",
            "local_fast",
            AttemptOutcome::Accepted,
            1,
        )],
    );
    ledger.settle(open).await.unwrap();
    let id = climb(&ledger, "edit_file", "a").await;
    let page = page(&ledger, "", 0, "").await;
    let [answer, rejected] = page.events.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!(answer.request_id, id.to_string());
    assert_eq!(answer.request_outcome(), RequestOutcome::Passed);
    assert!(answer.closed_at.is_some() && answer.settled_at.is_some());
    assert_eq!(answer.tags["topic"], "a");
    assert_eq!(
        (answer.answered, answer.baseline_nano_usd),
        (true, Some(900))
    );
    assert_eq!(
        (rejected.answered, rejected.baseline_nano_usd),
        (false, None)
    );
}

#[tokio::test]
async fn a_wrong_page_is_refused_with_every_reason() {
    let ledger = Sandbox::free().await;
    let ask = wire::ListUsageRequest {
        page_size: 1001,
        page_token: "yesterday".to_owned(),
        filter: "acton=edit_file outcome=good".to_owned(),
    };
    let refused = answer(ledger.ledger.clone().list_usage(ask).await).unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRequest);
    let fields: Vec<&str> = refused.fields.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["filter", "filter", "page_token", "page_size"]);
    let ask = wire::ListUsageRequest {
        filter: "since=1h until=2h".to_owned(),
        ..wire::ListUsageRequest::default()
    };
    let refused = answer(ledger.ledger.clone().list_usage(ask).await).unwrap_err();
    assert!(
        refused.message.contains("ends before it begins"),
        "{refused}"
    );
}
