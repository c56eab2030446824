//! What clients send that mean no good, or that are broken: each is answered or dropped, reaches nobody
//! behind the edge, and leaves it answering others.

mod slow;

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{exchange, request};
use crate::world::{World, question};

const PATH: &str = "/v1/chat/completions";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_or_without_its_length() {
    let world = World::with("edge: {max_body_bytes: 1KiB}", Vec::new()).await;
    let body = question(json!({"user": "x".repeat(2048)})).to_string();
    let whole = request("POST", PATH, &[JSON], body.as_bytes());
    assert_eq!(world.raw(&whole).await.status, 413);
    let chunked = [JSON, ("transfer-encoding", "chunked")];
    let mut bytes = request("POST", PATH, &chunked, b"");
    bytes.extend(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes());
    assert_eq!(world.raw(&bytes).await.status, 413);
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_json_of_the_right_shape_is_refused_with_its_place() {
    let world = World::answering(Vec::new()).await;
    for (body, param) in [
        (&b"{"[..], "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (br#"{"messages": 1}"#, "messages"),
        (br#"{"messages": [{"role": 1}]}"#, "messages[0].role"),
        (br#"{"model": "a", "model": "b"}"#, "body"),
        (br#"{"temperature": "warm"}"#, "temperature"),
    ] {
        let reply = world.raw(&request("POST", PATH, &[JSON], body)).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert_eq!(reply.json()["error"]["param"], param, "{}", reply.text());
    }
    let deep = "[".repeat(100_000);
    let deep = format!("{{\"messages\": {deep}");
    let reply = world
        .raw(&request("POST", PATH, &[JSON], deep.as_bytes()))
        .await;
    assert_eq!(reply.status, 400);
}

/// Where bodies are read, and what each reads when nothing is wrong.
fn bodies() -> [(&'static str, serde_json::Value); 5] {
    let turns = json!([{"role": "user", "content": "hi"}]);
    [
        (PATH, json!({"model": "terrace/auto", "messages": turns})),
        (
            "/v1/responses",
            json!({"model": "terrace/auto", "input": "hi"}),
        ),
        (
            "/v1/messages",
            json!({"model": "terrace/auto", "max_tokens": 9, "messages": turns}),
        ),
        (
            "/v1/messages/count_tokens",
            json!({"model": "terrace/auto", "messages": turns}),
        ),
        (
            "/v1/embeddings",
            json!({"model": "terrace/auto", "input": "hi"}),
        ),
    ]
}

#[tokio::test]
async fn a_field_that_stands_there_twice_is_refused_everywhere() {
    let world = World::answering(Vec::new()).await;
    for (path, body) in bodies() {
        let twice = body
            .to_string()
            .replacen('{', r#"{"model": "terrace/local_fast", "#, 1);
        let reply = world
            .raw(&request("POST", path, &[JSON], twice.as_bytes()))
            .await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        assert!(
            reply.text().contains("duplicate"),
            "{path}: {}",
            reply.text()
        );
    }
    assert!(world.fake.asked().is_empty() && world.fake.embedded().is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_everywhere() {
    let world = World::answering(Vec::new()).await;
    for (path, body) in bodies() {
        let text = body.to_string();
        let at = text.find("hi").unwrap();
        let broken = [
            &text.as_bytes()[..at],
            b"\xc3\x28\xff",
            &text.as_bytes()[at..],
        ]
        .concat();
        let reply = world.raw(&request("POST", path, &[JSON], &broken)).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        let lone = text.replacen("hi", r"\ud800", 1);
        let reply = world
            .raw(&request("POST", path, &[JSON], lone.as_bytes()))
            .await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
    }
    assert!(world.fake.asked().is_empty() && world.fake.embedded().is_empty());
}

#[tokio::test]
async fn fields_that_nobody_knows_are_passed_over_and_wishes_that_nobody_knows_are_not() {
    let world = World::answering(Vec::new()).await;
    for (path, mut body) in bodies() {
        body["a_field_of_tomorrow"] = json!({"deep": [1, {"x": null}]});
        if path == "/v1/embeddings" {
            continue;
        }
        let reply = world.post(path, &[], &body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        body["terrace"] = json!({"a_wish_of_tomorrow": 1});
        let reply = world.post(path, &[], &body).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
    }
}

#[tokio::test]
async fn headers_that_would_be_two_or_are_no_text_reach_nobody() {
    let world = World::answering(Vec::new()).await;
    let body = question(json!({})).to_string();
    let length = body.len();
    for header in [
        &b"x-terrace-action: a\r\n b: c"[..],
        b"x-terrace-action: a\0b",
        b"x-terrace-action: a\rset-cookie: b=c",
        b"x-terrace-action\0: a",
        b"x-terrace-action : a",
        b"x-terrace-tags: \xff\xfe=1",
        b"x-terrace-action: \x7f",
        b"content-length: 3",
        b"transfer-encoding: chunked, identity",
    ] {
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n"
        );
        let bytes = [head.as_bytes(), header, b"\r\n\r\n", body.as_bytes()].concat();
        let answer = exchange(world.address, &bytes).await;
        let told = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.is_empty() || told.starts_with("HTTP/1.1 4"),
            "{header:?}: {told}"
        );
        assert!(!told.to_ascii_lowercase().contains("set-cookie"), "{told}");
    }
    assert!(world.fake.asked().is_empty());
    assert_eq!(world.get("/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_path_that_means_another_one_is_nobodys() {
    let world = World::answering(Vec::new()).await;
    let body = question(json!({})).to_string();
    for path in [
        "/v1/chat/completions/",
        "/V1/chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/./chat/completions",
        "/v1/chat/../chat/completions",
        "/v1/chat/completions%00",
        "/v1/chat/completions;x=1",
        "//v1/chat/completions",
        "/v1/chat/completions\\..\\x",
    ] {
        let bytes = request("POST", path, &[JSON], body.as_bytes());
        let answer = exchange(world.address, &bytes).await;
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{path}: {answer:?}");
    }
    for line in ["http://evil.example/v1/models", "*", "evil.example:443"] {
        let bytes = format!("CONNECT {line} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n");
        let answer = exchange(world.address, bytes.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{line}: {answer:?}"
        );
    }
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn nothing_behind_the_edge_is_reached_without_a_key_where_one_is_needed() {
    let world = World::with("auth: {required: true}", Vec::new()).await;
    for (path, body) in bodies() {
        for key in [
            &[][..],
            &[("cookie", "authorization=Bearer tk_1")],
            &[("proxy-authorization", "Bearer tk_1")],
            &[("x-terrace-key", "tk_1")],
        ] {
            let reply = world.post(path, key, &body).await;
            assert_eq!(reply.status, 401, "{path}: {}", reply.text());
            let query = format!("{path}?api_key=tk_1&authorization=Bearer%20tk_1");
            assert_eq!(world.post(&query, key, &body).await.status, 401, "{path}");
        }
    }
    for path in ["/v1/models", "/v1/models/small"] {
        assert_eq!(world.get(path, &[]).await.status, 401, "{path}");
    }
    assert!(world.fake.asked().is_empty() && world.fake.embedded().is_empty());
    assert_eq!(world.fake.listed(), 0);
    assert_eq!(*world.books.asked.lock().unwrap(), 0);
}

#[tokio::test]
async fn what_a_page_of_somebody_else_sends_reaches_nothing() {
    let world = World::answering(Vec::new()).await;
    let body = question(json!({})).to_string();
    let simple = [("content-type", "text/plain")];
    let reply = world
        .raw(&request("POST", PATH, &simple, body.as_bytes()))
        .await;
    assert_eq!(reply.status, 415);
    let foreign = [("origin", "https://evil.example")];
    let reply = world.post(PATH, &foreign, &question(json!({}))).await;
    assert_eq!(reply.status, 403);
    assert!(reply.header("access-control-allow-origin").is_none());
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_page_that_the_config_names_may_call_and_read() {
    let cors = "edge: {cors: {origins: ['https://chat.example']}}";
    let world = World::with(cors, Vec::new()).await;
    let origin = ("origin", "https://chat.example");
    let asked = [
        origin,
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type",
        ),
    ];
    let reply = world.raw(&request("OPTIONS", PATH, &asked, b"")).await;
    assert_eq!(reply.status, 200);
    let allowed = reply.header("access-control-allow-headers");
    assert_eq!(allowed, Some("authorization,content-type"));
    let reply = world.post(PATH, &[origin], &question(json!({}))).await;
    assert_eq!(reply.status, 200);
    let allowed = reply.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://chat.example"));
    assert!(
        reply
            .header("access-control-expose-headers")
            .unwrap()
            .contains("x-terrace-score")
    );
}

#[tokio::test]
async fn paths_and_methods_that_are_none_are_told_in_each_apis_shape() {
    let world = World::answering(Vec::new()).await;
    for path in [
        "/",
        "/v1",
        "/v1/../v1/models",
        "//v1/models",
        "/v1/models/%2e%2e/x",
        "/v1/files",
    ] {
        let reply = world.get(path, &[]).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json()["error"]["message"].is_string());
    }
    assert_eq!(world.get(PATH, &[]).await.status, 405);
    let reply = world.get("/v1/messages/batches", &[]).await;
    assert_eq!(
        (reply.status, &reply.json()["type"]),
        (404, &json!("error"))
    );
}

#[tokio::test]
async fn heads_that_are_too_large_or_wrong_are_answered_without_a_handler() {
    let world = World::answering(Vec::new()).await;
    let long = "x".repeat(1 << 20);
    let answer = exchange(
        world.address,
        &request("GET", "/healthz", &[("a", &long)], b""),
    )
    .await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"));
    for bytes in [
        &b"GET /healthz HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n"[..],
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaa",
    ] {
        let answer = exchange(world.address, bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{answer:?}"
        );
    }
    assert_eq!(world.get("/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let world = World::with("edge: {body_timeout: 100ms}", Vec::new()).await;
    let head = request("POST", PATH, &[JSON, ("content-length", "100")], b"");
    let reply = world.raw(&head).await;
    assert_eq!(reply.status, 408);
}

#[tokio::test]
async fn connections_beyond_the_most_are_closed_and_the_others_work() {
    let world = World::with("edge: {max_connections: 2}", Vec::new()).await;
    let open = [
        TcpStream::connect(world.address).await.unwrap(),
        TcpStream::connect(world.address).await.unwrap(),
    ];
    let mut third = TcpStream::connect(world.address).await.unwrap();
    let mut end = Vec::new();
    let _reset = third.read_to_end(&mut end).await;
    assert!(end.is_empty());
    let [mut first, second] = open;
    drop(second);
    first
        .write_all(&request("GET", "/healthz", &[], b""))
        .await
        .unwrap();
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let world = World::answering(Vec::new()).await;
    for word in [&b""[..], b"P", b"PRI * HTTP/2.0"] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(word).await.unwrap();
        let mut end = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut end));
        let _reset = closed.await.unwrap();
    }
}

#[tokio::test]
async fn a_value_cannot_put_headers_into_the_answer() {
    let mut answer = crate::fake::answer("x");
    let evil = "a\r\nset-cookie: b=c";
    answer.decision.as_mut().unwrap().model = evil.to_owned();
    evil.clone_into(&mut answer.request_id);
    let world = World::answering(vec![crate::fake::Answer::Says(Box::new(answer))]).await;
    let reply = world.post(PATH, &[], &question(json!({}))).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("set-cookie").is_none());
}
