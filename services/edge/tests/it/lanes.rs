//! Connections that stay in their lanes.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fake::Answer;
use crate::world::World;

/// The longest that a stop may take.
const SOON: Duration = Duration::from_secs(10);

/// A question on a connection that stays open after it.
async fn ask(connection: &mut TcpStream) {
    let body = json!({"model": "terrace/auto", "messages": [{"role": "user", "content": "Hi"}]})
        .to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let question = [head, body].concat();
    connection.write_all(question.as_bytes()).await.unwrap();
}

async fn beginning_of_answer(connection: &mut TcpStream) -> String {
    let mut read = [0; 12];
    connection.read_exact(&mut read).await.unwrap();
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn open_connections_are_shared_out_evenly_and_each_is_answered_in_its_lane() {
    let world = World::in_lanes(Vec::new()).await;
    let lanes = std::thread::available_parallelism().unwrap().get();
    let mut open = Vec::new();
    for _ in 0..2 * lanes {
        let mut connection = TcpStream::connect(world.address).await.unwrap();
        ask(&mut connection).await;
        assert_eq!(beginning_of_answer(&mut connection).await, "HTTP/1.1 200");
        open.push(connection);
    }
    let mut answered = vec![0; lanes];
    for asked in world.fake.asked() {
        answered[asked.lane.expect("answered in no lane")] += 1;
    }
    assert_eq!(answered, vec![2; lanes]);
}

#[tokio::test]
async fn an_edge_with_lanes_stops_although_a_request_hangs_in_one() {
    let world = World::in_lanes(vec![Answer::Hangs]).await;
    let mut connection = TcpStream::connect(world.address).await.unwrap();
    ask(&mut connection).await;
    let mut waiting = world.fake.waiting.subscribe();
    waiting.wait_for(|begun| *begun).await.unwrap();
    world.shutdown.request();
    world.tasks.wait(SOON).await.unwrap();
    let mut left = world.fake.left.subscribe();
    left.wait_for(|gone| *gone).await.unwrap();
}

#[tokio::test]
async fn an_edge_with_lanes_stops_when_its_last_connection_has_ended() {
    let world = World::in_lanes(Vec::new()).await;
    let reply = world.get("/v1/models", &[]).await;
    assert_eq!(reply.status, 200);
    world.shutdown.request();
    world.tasks.wait(SOON).await.unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}
