//! The ledger over its link: what was spent, budgets, projects and keys.
//!
//! The edge may call it as it is: whoever comes here has passed the gate.

use std::time::Duration;

use terrace_domain::{Failure, Reason};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::deadline::request_within;
use terrace_rpc::{Deadline, Link};
use tonic::{Response, Status};

use crate::refusal::Refusal;

/// How long somebody waits for a page.
const PATIENCE: Duration = Duration::from_secs(15);
/// Projects that are shown.
const MOST: u32 = 1000;

/// Calls the ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Books {
    ledger: LedgerServiceClient<Link>,
    accounts: AccountServiceClient<Link>,
}

fn ask<T>(message: T) -> tonic::Request<T> {
    request_within(message, Deadline::within(PATIENCE))
}

fn told<T>(answered: Result<Response<T>, Status>) -> Result<T, Refusal> {
    let answered = answered.map(Response::into_inner);
    answered.map_err(|status| Refusal::of(&status))
}

impl Books {
    /// A client over a link for messages of up to `max_bytes`.
    pub(super) fn new(link: Link, max_bytes: usize) -> Self {
        Self {
            ledger: LedgerServiceClient::new(link.clone()).max_decoding_message_size(max_bytes),
            accounts: AccountServiceClient::new(link).max_decoding_message_size(max_bytes),
        }
    }

    pub(super) async fn summary(
        &self,
        wanted: wire::GetSummaryRequest,
    ) -> Result<wire::GetSummaryResponse, Refusal> {
        told(self.ledger.clone().get_summary(ask(wanted)).await)
    }

    /// All projects, by name.
    pub(super) async fn projects(&self) -> Result<Vec<wire::Project>, Refusal> {
        let wanted = wire::ListProjectsRequest {
            page_size: MOST,
            ..wire::ListProjectsRequest::default()
        };
        let listed = told(self.accounts.clone().list_projects(ask(wanted)).await)?;
        Ok(listed.projects)
    }

    /// The key behind a secret; `Unauthenticated` when there is none that holds.
    pub(super) async fn authenticate(&self, secret: &str) -> Result<wire::Key, Refusal> {
        let secret = secret.to_owned();
        let wanted = wire::AuthenticateRequest { secret };
        let found = told(self.accounts.clone().authenticate(ask(wanted)).await)?;
        let missing = || Failure::new(Reason::Internal, "the ledger found a key that is none");
        Ok(found.key.ok_or_else(missing)?)
    }
}
