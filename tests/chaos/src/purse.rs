//! Keeps a budget tight: tops it up a little at a time, by less than is asked for, so that it is
//! used up again and again while processes are killed.

use std::time::Duration;

use terrace_domain::{NanoUsd, RequestId};
use terrace_proto::ledger::v1::SetBudgetRequest;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two top-ups.
const EVERY: Duration = Duration::from_secs(1);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);
/// Before one that was not acknowledged is repeated.
const PAUSE: Duration = Duration::from_millis(200);

/// Tops the day's budget up by `amount` every second until told to stop; says by how much in all.
/// Each top-up is repeated under its id until the ledger has acknowledged it.
pub async fn top_up(ledger: Link, amount: NanoUsd, stop: CancellationToken) -> NanoUsd {
    let mut added = NanoUsd::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return added,
            () = sleep(EVERY) => {}
        }
        let message = SetBudgetRequest {
            name: "installation/daily".to_owned(),
            top_up_nano_usd: amount.get(),
            top_up_id: RequestId::generate().to_string(),
            ..SetBudgetRequest::default()
        };
        loop {
            let mut accounts = AccountServiceClient::new(ledger.clone());
            let message = request_within(message.clone(), Deadline::within(CALL));
            if accounts.set_budget(message).await.is_ok() {
                break;
            }
            sleep(PAUSE).await;
        }
        added = added.plus(amount);
    }
}
