//! Who comes in and who does not.

use std::time::Duration;

use super::{Browser, CLOSED, FORM, PAGE, form, nothing_was_asked, token};
use crate::books::{MANAGER, ROUTER};
use crate::http::request;
use crate::world::World;

/// Every path that shows or changes something.
const PATHS: [(&str, &str); 17] = [
    ("GET", "/dashboard"),
    ("GET", "/dashboard/requests"),
    ("GET", "/dashboard/requests/live"),
    ("GET", "/dashboard/requests/in-flight"),
    (
        "GET",
        "/dashboard/requests/0190a0a0-0000-7000-8000-000000000001/live",
    ),
    (
        "GET",
        "/dashboard/requests/0190a0a0-0000-7000-8000-000000000001",
    ),
    ("GET", "/dashboard/budgets"),
    ("GET", "/dashboard/budgets/live"),
    ("POST", "/dashboard/budgets"),
    ("GET", "/dashboard/backends"),
    ("GET", "/dashboard/backends/live"),
    ("GET", "/dashboard/keys"),
    ("POST", "/dashboard/keys"),
    ("GET", "/dashboard/playground"),
    ("POST", "/dashboard/playground/plan"),
    ("POST", "/dashboard/playground/run"),
    ("POST", "/dashboard/sign-out"),
];

#[tokio::test]
async fn without_a_session_nothing_is_reached() {
    let world = World::with(CLOSED, Vec::new()).await;
    let made_up = ["", "terrace_session=", "terrace_session=AAAA"];
    for (method, path) in PATHS {
        for cookie in made_up {
            let headers = [PAGE, FORM, ("cookie", cookie)];
            let reply = world
                .raw(&request(method, path, &headers, b"token=x"))
                .await;
            assert_eq!(reply.status, 303, "{method} {path}");
            let to = reply.header("location").unwrap();
            assert!(to.starts_with("/dashboard/sign-in"), "{to}");
            let script = [FORM, ("cookie", cookie)];
            let reply = world.raw(&request(method, path, &script, b"token=x")).await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
    }
    assert!(nothing_was_asked(&world));
}

#[tokio::test]
async fn a_key_that_may_manage_comes_in_and_others_do_not() {
    let world = World::with(CLOSED, Vec::new()).await;
    for (key, status) in [("wrong", 401), ("", 401), (ROUTER, 403)] {
        let mut browser = Browser::new(&world);
        let reply = browser.sign_in(key).await;
        assert_eq!(reply.status, status, "{key}");
        assert!(!reply.text().contains("the router's"), "{key}");
        assert_eq!(browser.get("/dashboard").await.status, 303);
    }
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    assert_eq!(browser.get("/dashboard").await.status, 200);
}

#[tokio::test]
async fn whoever_signs_in_gets_a_new_session_that_only_browsers_see() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::new(&world);
    browser.get("/dashboard/sign-in").await;
    let before = browser.cookie.clone();
    let reply = browser.sign_in(MANAGER).await;
    let cookie = reply.header("set-cookie").unwrap();
    for word in [
        "HttpOnly",
        "SameSite=Strict",
        "Path=/dashboard",
        "Max-Age=43200",
    ] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(MANAGER));
    assert_ne!(browser.cookie, before);
    let proxied = [PAGE, ("x-forwarded-proto", "https")];
    let reply = world.get("/dashboard/sign-in", &proxied).await;
    assert!(reply.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn whoever_signs_in_goes_where_they_were_going_and_never_to_another_host() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::new(&world);
    let turned_away = browser.get("/dashboard?range=7d").await;
    let to = turned_away.header("location").unwrap().to_owned();
    let page = browser.get(&to).await;
    assert!(page.text().contains("value=\"/dashboard?range=7d\""));
    for (next, goes_to) in [
        ("/dashboard?range=7d", "/dashboard?range=7d"),
        ("//evil.example", "/dashboard"),
        ("https://evil.example", "/dashboard"),
    ] {
        let page = browser.get("/dashboard/sign-in").await;
        let token = token(&page);
        let fields = [("token", &*token), ("key", MANAGER), ("next", next)];
        let reply = browser.send("/dashboard/sign-in", &fields).await;
        assert_eq!(reply.header("location"), Some(goes_to));
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_its_sessions() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    *world.books.is_revoked.lock().unwrap() = true;
    // What the ledger said of a key is kept for a second.
    let until_it_ends = async {
        while browser.get("/dashboard").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), until_it_ends).await;
    assert!(ended.is_ok(), "the session goes on");
    assert_eq!(browser.get("/dashboard").await.status, 303);
}

#[tokio::test]
async fn whoever_signed_out_is_out_also_with_the_old_cookie() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let before = browser.cookie.clone();
    let reply = browser
        .submit("/dashboard", "/dashboard/sign-out", &[])
        .await;
    assert_eq!(reply.status, 303);
    assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"));
    browser.cookie = before;
    assert_eq!(browser.get("/dashboard").await.status, 303);
}

#[tokio::test]
async fn a_form_without_the_token_of_its_session_changes_nothing() {
    let world = World::with(CLOSED, Vec::new()).await;
    let other = Browser::signed_in(&world, MANAGER)
        .await
        .get("/dashboard")
        .await;
    let others_token = token(&other);
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    for (_, path) in PATHS.iter().filter(|(method, _)| *method == "POST") {
        for fields in [vec![], vec![("token", "")], vec![("token", &*others_token)]] {
            let reply = browser.send(path, &fields).await;
            let told = reply.text();
            // Parts of the playground tell of it in the place of their content.
            let is_told = reply.status == 200 && told.contains("not of your session");
            assert!(reply.status == 403 || is_told, "{path} {fields:?}: {told}");
        }
        let plain = [PAGE, ("content-type", "text/plain"), browser.cookie()];
        let body = form(&[("token", "x")]);
        let reply = world
            .raw(&request("POST", path, &plain, body.as_bytes()))
            .await;
        assert!(
            reply.status == 415 || reply.text().contains("has to be a form"),
            "{path}"
        );
    }
    assert!(world.fake.asked().is_empty());
    assert!(world.books.changes().is_empty());
    assert_eq!(browser.get("/dashboard").await.status, 200);
}

#[tokio::test]
async fn whoever_guesses_keys_has_to_wait() {
    let world = World::with(CLOSED, Vec::new()).await;
    let mut browser = Browser::new(&world);
    for _ in 0..10 {
        assert_eq!(browser.sign_in("a guess").await.status, 401);
    }
    let asked = *world.books.asked.lock().unwrap();
    assert_eq!(browser.sign_in(MANAGER).await.status, 429);
    assert_eq!(*world.books.asked.lock().unwrap(), asked);
}

#[tokio::test]
async fn where_no_key_is_needed_this_machine_comes_in_and_no_page_of_others() {
    let world = World::with("edge: {cors: {origins: ['*']}}", Vec::new()).await;
    let own = ("host", "127.0.0.1:7680");
    let reply = world.get("/dashboard", &[PAGE, own]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains("Sign out"));
    for foreign in [
        vec![("host", "evil.example:7680")],
        vec![own, ("origin", "https://evil.example")],
        vec![own, ("origin", "null")],
        vec![
            own,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ],
    ] {
        let headers = [&[PAGE], &foreign[..]].concat();
        let reply = world.get("/dashboard", &headers).await;
        assert_eq!(reply.status, 403, "{foreign:?}");
        assert!(!reply.text().contains("Overview"));
    }
}

#[tokio::test]
async fn beyond_loopback_somebody_has_to_sign_in_although_no_call_needs_a_key() {
    let yaml = "auth: {required: false}\nedge: {listen: '0.0.0.0:7680', allow_plaintext: true}";
    let world = World::listening(yaml, [0, 0, 0, 0]).await;
    let reply = world
        .get("/dashboard", &[PAGE, ("host", "127.0.0.1")])
        .await;
    assert_eq!(reply.status, 303);
}
