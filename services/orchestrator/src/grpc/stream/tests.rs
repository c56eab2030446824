use std::collections::BTreeMap;

use futures::StreamExt as _;
use proptest::prelude::*;
use terrace_runtime::{Shutdown, Tasks};
use tokio::time::{Duration, Instant};

use super::*;
use crate::answers::Memory;
use crate::route::tests::properties::{World, check_nothing_left, world};
use crate::testing::Script;

/// What a caller of a stream sees, and whether it stayed to the end.
async fn seen(world: &World) -> Result<(), TestCaseError> {
    let mut bench = world.bench().await;
    let idle = Script::default().bench().await.router;
    let router = Arc::new(std::mem::replace(&mut bench.router, idle));
    let unkept = Arc::new(Memory::new(0));
    let answers = Arc::new(Answers::new(Arc::clone(&router), unkept, ""));
    let tasks = Tasks::new(Shutdown::new());
    let started = Instant::now();
    let call = Call::within(world.deadline);
    let asked = (world.request(), world.commit);
    let mut stream = ResponseStream::start(answers, asked, call, &tasks);
    let mut sent: Vec<Sent> = Vec::new();
    let read = async {
        while let Some(message) = stream.next().await {
            sent.push(message);
        }
    };
    let stayed = tokio::select! {
        biased;
        () = read => true,
        _ = world.leave(&bench.cancel) => unreachable!("it never ends"),
        () = bench.cancel.cancelled() => false,
    };
    drop(stream);
    let quiet = tasks.wait(Duration::from_secs(120)).await;
    prop_assert!(quiet.is_ok(), "the request's task goes on");
    bench.router = Arc::try_unwrap(router).map_err(|_| TestCaseError::fail("router in use"))?;
    check_nothing_left(world, &bench, started)?;
    check_messages(&sent, stayed)
}

/// Exactly one terminal event or error, as the last; one commit at most; and what the caller has
/// put together is what the response says.
fn check_messages(sent: &[Sent], stayed: bool) -> Result<(), TestCaseError> {
    let (mut commits, mut ends) = (0, 0);
    let mut texts: BTreeMap<u32, String> = BTreeMap::new();
    for message in sent {
        prop_assert_eq!(ends, 0, "something comes behind the end");
        match message {
            Err(_) => ends += 1,
            Ok(message) => match message.event.as_ref().unwrap() {
                WireEvent::Committed(_) => commits += 1,
                WireEvent::Chunk(chunk) => {
                    let text = texts.entry(chunk.attempt_index).or_default();
                    text.push_str(&chunk.text);
                }
                WireEvent::AttemptRejected(rejected) => {
                    texts.remove(&rejected.attempt.as_ref().unwrap().index);
                }
                WireEvent::Completed(response) => {
                    ends += 1;
                    let output = response.output.as_ref().unwrap();
                    let whole = terrace_proto::convert::text_of_parts(output);
                    let text: String = texts.values().map(String::as_str).collect();
                    prop_assert_eq!(&text, &whole, "the chunks are the answer");
                }
                WireEvent::PlanMade(_) | WireEvent::AttemptStarted(_) => {}
            },
        }
    }
    prop_assert!(commits <= 1, "at most one commit");
    prop_assert!(ends == 1 || !stayed, "a stream that is read has an end");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_ends_in_exactly_one_response_or_error(world in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(seen(&world))?;
    }
}
