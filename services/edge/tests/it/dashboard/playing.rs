//! What comes as a stream: lists that stay up to date, and the playground.

use std::time::Duration;

use terrace_domain::{Failure, Reason};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Browser, CLOSED, token};
use crate::books::{EVIL, KNOWN, MANAGER};
use crate::fake::{Answer, answer, told};
use crate::http::request;
use crate::world::World;

/// What a stream says until it has said `wanted`.
pub(super) async fn said(browser: &Browser<'_>, path: &str, wanted: &str) -> String {
    let mut stream = TcpStream::connect(browser.world.address).await.unwrap();
    let asked = request("GET", path, &[browser.cookie()], b"");
    stream.write_all(&asked).await.unwrap();
    let mut said = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&said).contains(wanted) {
            let read = stream.read(&mut piece).await.unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&said));
            said.extend_from_slice(&piece[..read]);
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(read.is_ok(), "{path}: {said}");
    said
}

#[tokio::test]
async fn lists_tell_what_is_new_as_markup_that_is_escaped() {
    let world = World::with(CLOSED, Vec::new()).await;
    let browser = Browser::signed_in(&world, MANAGER).await;
    for (path, wanted) in [
        ("/dashboard/requests/live?after=0", KNOWN),
        ("/dashboard/budgets/live", "has reached its alert threshold"),
        ("/dashboard/backends/live", "org/big"),
    ] {
        let said = said(&browser, path, wanted).await;
        assert!(said.contains("text/event-stream"), "{path}");
        assert!(!said.contains(EVIL), "{path}");
    }
}

#[tokio::test]
async fn a_request_of_the_page_is_not_told_again() {
    let world = World::with(CLOSED, Vec::new()).await;
    let browser = Browser::signed_in(&world, MANAGER).await;
    let after = "/dashboard/requests/live?after=1764115203000000000";
    let said = said(&browser, after, ": nothing new").await;
    assert!(!said.contains(KNOWN), "{said}");
}

#[tokio::test]
async fn the_playground_tells_attempts_and_text_in_the_name_of_whoever_is_signed_in() {
    let mut response = answer(EVIL);
    EVIL.clone_into(&mut response.attempts[0].detail);
    let world = World::with(CLOSED, vec![told(&[EVIL], response)]).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let fields = [
        ("prompt", "Say hello."),
        ("action", "greet"),
        ("mode", "provisional"),
        ("tokens", "64"),
    ];
    let reply = browser
        .submit(
            "/dashboard/playground",
            "/dashboard/playground/run",
            &fields,
        )
        .await;
    assert_eq!(reply.names(), ["plan", "attempt", "chunk", "done"]);
    let events = reply.events();
    // What models say is data; a page shows it as text.
    assert_eq!(events[2]["text"], EVIL);
    let done = events[3]["attempts"][0].as_str().unwrap();
    assert!(done.contains("&lt;script&gt;") && !done.contains(EVIL));
    let asked = world.fake.asked().remove(0);
    assert_eq!(asked.key, Some(format!("Bearer {MANAGER}")));
    assert_eq!(asked.request.action, "greet");
    assert_eq!(asked.request.params.unwrap().max_output_tokens, Some(64));
}

#[tokio::test]
async fn a_failure_in_the_playground_is_told_in_its_words() {
    let failure = Failure::new(Reason::BudgetExhausted, "no budget <b>");
    let world = World::with(CLOSED, vec![Answer::Fails(failure)]).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let page = browser.get("/dashboard/playground").await;
    let token = token(&page);
    let run = "/dashboard/playground/run";
    let reply = browser
        .send(run, &[("token", &token), ("prompt", "x")])
        .await;
    let told = reply.events().remove(0)["html"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        told.contains("BUDGET_EXHAUSTED") && told.contains("no budget &lt;b&gt;"),
        "{told}"
    );
    let wrong = [("token", &*token), ("prompt", "x"), ("threshold", "2")];
    let reply = browser.send(run, &wrong).await;
    assert!(reply.text().contains("threshold"), "{}", reply.text());
    assert_eq!(world.fake.asked().len(), 1);
}

#[tokio::test]
async fn whoever_stops_the_playground_ends_the_request() {
    let world = World::with(CLOSED, vec![Answer::Hangs]).await;
    let mut browser = Browser::signed_in(&world, MANAGER).await;
    let page = browser.get("/dashboard/playground").await;
    let body = super::form(&[("token", &token(&page)), ("prompt", "x")]);
    let headers = [super::FORM, browser.cookie()];
    let bytes = request(
        "POST",
        "/dashboard/playground/run",
        &headers,
        body.as_bytes(),
    );
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    world
        .fake
        .waiting
        .subscribe()
        .wait_for(|waits| *waits)
        .await
        .unwrap();
    drop(stream);
    let mut left = world.fake.left.subscribe();
    let left = tokio::time::timeout(Duration::from_secs(20), left.wait_for(|left| *left)).await;
    assert!(left.is_ok(), "the request goes on");
}
