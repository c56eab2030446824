//! What a request's caller sent: kept as a fingerprint, and held against whoever comes later.

use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1::{self as wire, RequestOutcome};

use crate::sandbox::{Sandbox, closing, hold, settling, spent};

const BODY: [u8; 32] = [7; 32];

fn holding(id: RequestId, step: &str, body: &[u8]) -> wire::ReserveRequest {
    wire::ReserveRequest {
        body_fingerprint: body.to_vec(),
        ..hold(id, step, 100)
    }
}

fn ending(id: RequestId, step: &str, body: &[u8]) -> wire::SettleRequest {
    wire::SettleRequest {
        body_fingerprint: body.to_vec(),
        ..closing(
            settling(id, [spent(step, 60)]),
            RequestOutcome::Passed,
            "api_fallback",
        )
    }
}

#[tokio::test]
async fn a_body_is_kept_with_its_request_and_told() {
    let ledger = Sandbox::free().await;
    let (reserved, settled, unknown) = (
        RequestId::generate(),
        RequestId::generate(),
        RequestId::generate(),
    );
    let first = holding(reserved, "attempt/0", &BODY);
    ledger.reserve(first).await.unwrap();
    let only = ending(settled, "attempt/0", &BODY);
    ledger.settle(only).await.unwrap();
    let none = ending(unknown, "attempt/0", &[]);
    ledger.settle(none).await.unwrap();
    for known in [reserved, settled] {
        assert_eq!(ledger.request(known).await.body_fingerprint, BODY);
    }
    assert!(ledger.request(unknown).await.body_fingerprint.is_empty());
}

#[tokio::test]
async fn another_body_under_the_same_id_books_nothing() {
    let ledger = Sandbox::with_budget(1000).await;
    let id = RequestId::generate();
    let first = holding(id, "attempt/0", &BODY);
    ledger.reserve(first).await.unwrap();
    let other = [8; 32];
    let refusals = [
        ledger.reserve(holding(id, "attempt/1", &other)).await.err(),
        ledger.settle(ending(id, "attempt/1", &other)).await.err(),
    ];
    for refused in refusals {
        let refused = refused.unwrap();
        assert_eq!(refused.reason, Reason::RequestIdUsed);
        assert!(refused.message.contains("for another request"), "{refused}");
    }
    // Who does not say what was sent is taken at its word, as before there were fingerprints.
    let silent = ending(id, "attempt/0", &[]);
    assert_eq!(ledger.settle(silent).await.unwrap().cost_nano_usd, 60);
    let known = ledger.request(id).await;
    assert_eq!((known.steps.len(), known.held_nano_usd), (1, 0));
}
