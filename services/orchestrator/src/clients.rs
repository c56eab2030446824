//! The ports over links: each client turns domain types into wire messages, makes one call
//! within its deadline, and turns the answer or the status back. Valkey, which is no service of
//! ours, is reached by its own client.

mod accounts;
mod classifier;
mod gateway;
mod judge;
pub mod leases;
mod ledger;
mod valkey;

pub use accounts::AccountsClient;
pub use classifier::ClassifierClient;
pub use gateway::GatewayClient;
pub use judge::JudgeClient;
pub use ledger::LedgerClient;
pub(crate) use ledger::attempt_outcome;
#[cfg(feature = "fuzzing")]
pub(crate) use valkey::read_kept;
pub use valkey::{InvalidStore, Valkey, ValkeySettings};

use terrace_domain::{Failure, Fault, Reason};

/// The failure of a service that broke its contract: ours, not the caller's.
fn broken_contract(service: &str, what: &str) -> Failure {
    tracing::error!(service, what, "a service broke its contract");
    Failure::new(
        Reason::Internal,
        format!("the {service} broke its contract: {what}"),
    )
}

/// A failure as the caller of the orchestrator may see it: what another service calls its
/// caller's fault is ours, because the message was our own. Only time and leaving are not.
fn from_status(service: &str, status: &tonic::Status) -> Failure {
    let failure = terrace_rpc::status::to_failure(status);
    match failure.reason {
        Reason::Cancelled | Reason::DeadlineExceeded => failure,
        reason if reason.fault() == Fault::Caller => broken_contract(service, &failure.message),
        _ => failure,
    }
}
