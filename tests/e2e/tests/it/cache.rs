//! Answers that are kept: one question, one call.

use terrace_e2e::ask::{in_background, question, text, within};
use terrace_e2e::scenario::GOOD;
use terrace_e2e::{Placement, Sandbox, Scenario, books};
use terrace_proto::router::v1::EvictCacheRequest;

crate::in_both_placements!(
    fifty_identical_requests_at_once_are_one_call_and_one_attempt,
    an_evicted_answer_is_made_again,
);

async fn sandbox(placement: Placement) -> Sandbox {
    let scenario = Scenario::default().routing("enable_caching: true");
    Sandbox::start(placement, scenario).await.unwrap()
}

fn calls(sandbox: &Sandbox) -> usize {
    let requests = sandbox.local.requests();
    let chats = requests.iter().filter(|seen| seen.path.contains("chat"));
    chats.count()
}

async fn fifty_identical_requests_at_once_are_one_call_and_one_attempt(placement: Placement) {
    let sandbox = sandbox(placement).await;
    let asked = question("What is the capital of France?");
    let all = (0..50).map(|_| in_background(sandbox.router(), asked.clone()));
    let all: Vec<_> = all.collect();
    let mut made = Vec::new();
    for one in all {
        let response = one.await.unwrap().unwrap();
        assert_eq!(text(&response), GOOD);
        if response.cached.is_none() {
            made.push(response.request_id);
        }
    }
    assert_eq!((made.len(), calls(&sandbox)), (1, 1));
    let count = |sql: &str| sandbox.database.number(sql);
    let called = count("SELECT count(*) FROM usage_events WHERE step LIKE 'attempt/%'");
    let reused = count("SELECT count(*) FROM usage_events WHERE step = 'reuse'");
    assert_eq!((called, reused), (1, 49));
    assert_eq!(books::rows(&sandbox.database, &made[0]).len(), 1);
}

async fn an_evicted_answer_is_made_again(placement: Placement) {
    let sandbox = sandbox(placement).await;
    let ask = || async {
        let asked = question("What is the capital of France?");
        sandbox
            .router()
            .route(within(asked))
            .await
            .unwrap()
            .into_inner()
    };
    let first = ask().await;
    assert_eq!(ask().await.cached.unwrap().request_id, first.request_id);
    let request = EvictCacheRequest {
        request_id: first.request_id,
        ..EvictCacheRequest::default()
    };
    let evicted = sandbox.router().evict_cache(within(request)).await;
    assert_eq!(evicted.unwrap().into_inner().evicted, 1);
    assert!(ask().await.cached.is_none());
    assert_eq!(calls(&sandbox), 2);
}
