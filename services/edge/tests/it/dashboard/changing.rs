//! What forms change, and how often a secret is shown.

use super::{Browser, CLOSED};
use crate::books::{MANAGER, SECRET};
use crate::world::World;

const KEY: (&str, &str) = ("key_id", "0190a0a0-0000-7000-8000-00000000000a");

#[tokio::test]
async fn a_new_secret_is_shown_once_and_kept_nowhere() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let fields = [
        ("do", "create"),
        ("name", "ci"),
        ("project", "search"),
        ("route", "on"),
        ("days", "30"),
        ("limit", "600"),
    ];
    let reply = browser
        .submit("/dashboard/keys", "/dashboard/keys", &fields)
        .await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains(SECRET));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let asked = world.books.changes().remove(0);
    for word in [
        "\"ci\"",
        "\"search\"",
        "[\"route\"]",
        "requests_per_minute: 600",
    ] {
        assert!(asked.contains(word), "{asked}");
    }
    let later = browser.get("/dashboard/keys").await;
    assert!(!later.text().contains(SECRET));
    let rotate = [("do", "rotate"), KEY, ("overlap", "24")];
    let reply = browser
        .submit("/dashboard/keys", "/dashboard/keys", &rotate)
        .await;
    assert!(reply.text().contains(SECRET));
    assert!(world.books.changes()[1].contains("seconds: 86400"));
}

#[tokio::test]
async fn a_key_is_revoked_and_a_project_made() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    for fields in [
        vec![("do", "revoke"), KEY],
        vec![("do", "create-project"), ("name", "ops")],
    ] {
        let reply = browser
            .submit("/dashboard/keys", "/dashboard/keys", &fields)
            .await;
        assert_eq!(reply.header("location"), Some("/dashboard/keys"));
    }
    let changes = world.books.changes();
    assert!(changes[0].starts_with("RevokeKeyRequest") && changes[0].contains(KEY.1));
    assert_eq!(changes[1], "CreateProjectRequest { name: \"ops\" }");
}

#[tokio::test]
async fn budgets_are_set_paused_topped_up_and_removed() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let named = ("name", "project/search/daily");
    let forms = [
        vec![
            ("do", "set"),
            ("whose", "project"),
            ("of", "search"),
            ("span", "daily"),
            ("cap", "2.50"),
            ("alert", "80"),
        ],
        vec![("do", "pause"), named],
        vec![
            ("do", "top-up"),
            named,
            ("amount", "1"),
            ("top_up_id", "an id"),
        ],
        vec![("do", "remove"), named],
    ];
    for fields in &forms {
        let page = "/dashboard/budgets";
        let reply = browser.submit(page, page, fields).await;
        assert_eq!(reply.header("location"), Some(page), "{}", reply.text());
    }
    let changes = world.books.changes();
    let words: [&[&str]; 4] = [
        &[
            "cap_nano_usd: 2500000000",
            "alert_threshold: 0.8",
            "paused: false",
        ],
        &["paused: true", "paths: [\"paused\"]"],
        &["top_up_nano_usd: 1000000000", "an id", "update_mask: None"],
        &["remove: true"],
    ];
    for (change, words) in changes.iter().zip(words) {
        assert!(change.contains("project/search/daily"), "{change}");
        for word in words {
            assert!(change.contains(word), "{change}");
        }
    }
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named_and_changes_nothing() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    for (page, fields, told) in [
        (
            "/dashboard/budgets",
            vec![("do", "set"), ("cap", "much")],
            "cap",
        ),
        ("/dashboard/budgets", vec![("do", "top-up")], "amount"),
        ("/dashboard/budgets", vec![("do", "spend")], "do"),
        (
            "/dashboard/keys",
            vec![("do", "create"), ("days", "soon")],
            "days",
        ),
        ("/dashboard/keys", vec![], "do"),
    ] {
        let reply = browser.submit(page, page, &fields).await;
        assert_eq!(reply.status, 400, "{page} {fields:?}");
        assert!(reply.text().contains(told), "{}", reply.text());
    }
    assert!(world.books.changes().is_empty());
}
