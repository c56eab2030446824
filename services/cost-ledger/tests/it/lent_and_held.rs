//! Any interleaving of leases and holds: after each round of calls at once the sums are what the
//! rows say, and the cap holds.

use futures::future::{BoxFuture, FutureExt as _, join_all};
use proptest::prelude::*;
use terrace_domain::{Reason, RequestId};
use terrace_proto::ledger::v1::RequestOutcome;

use crate::leased::{lending, paid_from};
use crate::rounds::{Round, play_any};
use crate::sandbox::{Sandbox, closing, hold, settling};

/// Enough for a few leases and holds.
const CAP: i64 = 2_000;

#[derive(Debug, Clone, Copy)]
enum Call {
    Acquire,
    Renew { more: i64 },
    Settle { debit: i64, closes: bool },
    GiveBack { outstanding: i64 },
    Lose,
    Reserve { amount: i64 },
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => Just(Call::Acquire),
        2 => (0..200_i64).prop_map(|more| Call::Renew { more }),
        5 => (1..60_i64, any::<bool>()).prop_map(|(debit, closes)| Call::Settle { debit, closes }),
        2 => prop_oneof![Just(0), 1..80_i64].prop_map(|outstanding| Call::GiveBack { outstanding }),
        1 => Just(Call::Lose),
        2 => (50..400_i64).prop_map(|amount| Call::Reserve { amount }),
    ]
}

/// A call about one of a few leases. No step costs more than was taken for it.
fn make<'a>(ledger: &'a Sandbox, lease: RequestId, call: Call) -> BoxFuture<'a, ()> {
    async move {
        match call {
            Call::Acquire => {
                // A lease that was lost is not lent again under its id.
                if let Err(failure) = ledger.try_acquire(lease, 100).await {
                    assert_eq!(failure.reason, Reason::RequestIdUsed, "{failure}");
                }
            }
            Call::Renew { more } => drop(ledger.renew(lease, more).await),
            Call::Settle { debit, closes } => {
                let out =
                    format!("SELECT remaining_nano_usd FROM leases WHERE lease_id = '{lease}'");
                let out = ledger.database.query(&out);
                // What an orchestrator takes is never more than it has.
                let left = out.first().map_or(0, |row| row[0].parse().unwrap());
                if debit * 8 <= left {
                    let ask = settling(RequestId::generate(), [paid_from(lease, debit, debit / 2)]);
                    let ask = match closes {
                        true => closing(ask, RequestOutcome::Passed, "api_fallback"),
                        false => ask,
                    };
                    ledger.settle(ask).await.unwrap();
                }
            }
            Call::GiveBack { outstanding } => drop(ledger.give_back(lease, outstanding).await),
            Call::Lose => {
                ledger.expire_lease(lease);
                ledger.app.reap().await.unwrap();
            }
            Call::Reserve { amount } => {
                let held = ledger.reserve(hold(RequestId::generate(), "attempt/0", amount));
                if let Err(failure) = held.await {
                    assert_eq!(failure.reason, Reason::BudgetExhausted, "{failure}");
                }
            }
        }
    }
    .boxed()
}

async fn play(rounds: Vec<Round<Call>>) {
    let ledger = lending(CAP).await;
    let leases: Vec<RequestId> = (0..3).map(|_| RequestId::generate()).collect();
    for round in rounds {
        let calls = round
            .into_iter()
            .map(|(lease, call)| make(&ledger, leases[lease], call));
        join_all(calls).await;
        ledger.check_books();
        let taken = "SELECT spent_nano_usd + reserved_nano_usd FROM budget_periods";
        let taken = ledger.database.query(taken);
        let taken: i64 = taken.first().map_or(0, |row| row[0].parse().unwrap());
        assert!(taken <= CAP, "{taken} is held, lent or spent");
    }
}

#[test]
fn the_cap_holds_whatever_is_lent_and_lost() {
    play_any(calls(), 3, play);
}
