//! Any interleaving of calls over a few requests: after each round of calls at once, the sums are
//! what the rows say and the cap holds.

use futures::future::{BoxFuture, FutureExt, join_all};
use proptest::prelude::*;
use terrace_domain::{Failure, Reason, RequestId};
use terrace_proto::ledger::v1::RequestOutcome;

use crate::rounds::{Round, play_any};
use crate::sandbox::{Sandbox, closing, hold, raising, settling, spent};

/// Enough for some of what is asked for.
const CAP: i64 = 300;

/// What stands in the budget, but for costs that came without a hold: those are booked whatever
/// the cap says.
const OUT_OF_HOLDS: &str = "
    SELECT coalesce(sum(spent_nano_usd + reserved_nano_usd), 0) - (
        SELECT coalesce(sum(cost_nano_usd), 0) FROM usage_events
        LEFT JOIN holds USING (request_id, step) WHERE state IS DISTINCT FROM 'settled')
    FROM budget_periods";

#[derive(Debug, Clone, Copy)]
enum Call {
    Reserve { step: u8, amount: i64 },
    Extend { step: u8, amount: i64 },
    Settle { step: u8, cost: i64 },
    Close,
    Release { step: u8 },
    Reap,
}

fn calls() -> impl Strategy<Value = Call> {
    let step = 0..3_u8;
    prop_oneof![
        4 => (step.clone(), 20..80_i64).prop_map(|(step, amount)| Call::Reserve { step, amount }),
        2 => (step.clone(), 40..120_i64).prop_map(|(step, amount)| Call::Extend { step, amount }),
        // Less than any hold, so that only a cost without one can pass the cap.
        3 => (step.clone(), 0..20_i64).prop_map(|(step, cost)| Call::Settle { step, cost }),
        1 => step.prop_map(|step| Call::Release { step }),
        1 => Just(Call::Close),
        1 => Just(Call::Reap),
    ]
}

fn make<'a>(ledger: &'a Sandbox, id: RequestId, call: Call) -> BoxFuture<'a, Result<(), Failure>> {
    async move {
        match call {
            Call::Reserve { step, amount } => {
                let ask = hold(id, &format!("attempt/{step}"), amount);
                ledger.reserve(ask).await.map(drop)
            }
            Call::Extend { step, amount } => {
                let ask = raising(id, &format!("attempt/{step}"), amount);
                ledger.extend(ask).await.map(drop)
            }
            Call::Settle { step, cost } => {
                let step = format!("attempt/{step}");
                let ask = settling(id, [spent(&step, cost)]);
                ledger.settle(ask).await.map(drop)
            }
            Call::Close => {
                let ask = closing(settling(id, []), RequestOutcome::Cancelled, "");
                ledger.settle(ask).await.map(drop)
            }
            Call::Release { step } => {
                ledger.release(id, &[&format!("attempt/{step}")]).await;
                Ok(())
            }
            Call::Reap => {
                ledger.expire(id);
                ledger.app.reap().await.map(drop)
            }
        }
    }
    .boxed()
}

async fn play(rounds: Vec<Round<Call>>) {
    let ledger = Sandbox::with_budget(CAP).await;
    let ids: Vec<RequestId> = (0..3).map(|_| RequestId::generate()).collect();
    for round in rounds {
        let calls = round
            .into_iter()
            .map(|(request, call)| make(&ledger, ids[request], call));
        for failure in join_all(calls).await.into_iter().filter_map(Result::err) {
            let expected = [
                Reason::BudgetExhausted,
                Reason::RequestIdUsed,
                Reason::NotFound,
            ];
            assert!(expected.contains(&failure.reason), "{failure}");
        }
        ledger.check_books();
        let taken = ledger.database.number(OUT_OF_HOLDS);
        assert!(taken <= CAP, "{taken} was held or spent out of holds");
    }
    for id in ids {
        let end = closing(settling(id, []), RequestOutcome::Cancelled, "");
        ledger.settle(end).await.unwrap();
    }
    assert_eq!(ledger.standing().await.1, 0, "something is held for good");
    ledger.check_books();
}

#[test]
fn sums_are_their_parts_and_the_cap_holds_whatever_the_order() {
    play_any(calls(), 5, play);
}
