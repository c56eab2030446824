//! Clients that never finish what they say, alone and by the thousand.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{JSON, PATH};
use crate::http::{Reply, request};
use crate::world::{World, question};

/// How many are half open at once; `terrace-load half-open` holds ten times as many.
const MANY: usize = 1000;

/// Sends bytes one by one until the other side has had enough; what it says then.
async fn drip(world: &World, said: &[u8], piece: &[u8], pause: Duration) -> Vec<u8> {
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(said).await.unwrap();
    let dripping = async {
        while writer.write_all(piece).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _reset = reader.read_to_end(&mut answer) => {}
        () = dripping => {}
        () = tokio::time::sleep(Duration::from_secs(120)) => panic!("it is still listened to"),
    }
    answer
}

fn good(reply: &Reply) -> bool {
    reply.status == 200
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_given_up() {
    let world = World::answering(Vec::new()).await;
    let begun = b"POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\nx-long: ";
    let answer = drip(&world, begun, b"a", Duration::from_secs(1)).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
        "{answer:?}"
    );
    let ever_more = drip(&world, begun, b"a\r\nx: ", Duration::from_secs(1)).await;
    assert!(
        ever_more.is_empty() || ever_more.starts_with(b"HTTP/1.1 4"),
        "{ever_more:?}"
    );
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_up() {
    let world = World::with("edge: {body_timeout: 200ms}", Vec::new()).await;
    let pause = Duration::from_millis(20);
    let heads = [
        ("content-length", "100000"),
        ("transfer-encoding", "chunked"),
    ];
    for (head, piece) in heads.into_iter().zip([&b" "[..], b"1\r\n \r\n"]) {
        let begun = request("POST", PATH, &[JSON, head], b"");
        let answer = drip(&world, &begun, piece, pause).await;
        // What is still on its way when the edge closes may cost the client its answer.
        let is_told = answer.starts_with(b"HTTP/1.1 408");
        assert!(answer.is_empty() || is_told, "{answer:?}");
    }
    assert!(world.fake.asked().is_empty());
}

#[tokio::test]
async fn a_reader_that_reads_nothing_holds_up_nobody() {
    let world = World::answering(Vec::new()).await;
    let body = question(json!({"stream": true})).to_string();
    let asked = request("POST", PATH, &[JSON], body.as_bytes());
    let mut deaf = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        deaf.push(stream);
    }
    assert!(good(&world.post(PATH, &[], &question(json!({}))).await));
}

#[tokio::test]
async fn a_thousand_half_open_connections_leave_room_for_a_good_client() {
    let world = World::answering(Vec::new()).await;
    let begun: [&[u8]; 4] = [
        b"",
        b"POST /v1/ch",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\nx-long: ",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ];
    let mut open = Vec::new();
    for said in begun.iter().cycle().take(MANY) {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        open.push(stream);
    }
    assert!(good(&world.post(PATH, &[], &question(json!({}))).await));
    assert_eq!(world.fake.asked().len(), 1);
    drop(open);
    assert!(good(&world.get("/healthz", &[]).await));
}
