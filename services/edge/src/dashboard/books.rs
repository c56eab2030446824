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
use tonic::{Response, Status, Streaming};

use crate::refusal::Refusal;

/// How long somebody waits for a page.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a stream of alerts may go on before it is asked for anew.
pub(super) const WATCH: Duration = Duration::from_hours(1);
/// Projects, or keys, that are shown.
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

    pub(super) async fn usage(
        &self,
        wanted: wire::ListUsageRequest,
    ) -> Result<wire::ListUsageResponse, Refusal> {
        told(self.ledger.clone().list_usage(ask(wanted)).await)
    }

    pub(super) async fn request(
        &self,
        request_id: &str,
        project: &str,
    ) -> Result<wire::GetRequestResponse, Refusal> {
        let wanted = wire::GetRequestRequest {
            request_id: request_id.to_owned(),
            project: project.to_owned(),
        };
        told(self.ledger.clone().get_request(ask(wanted)).await)
    }

    /// All budgets, by name.
    pub(super) async fn budgets(&self) -> Result<Vec<wire::Budget>, Refusal> {
        let wanted = wire::ListBudgetsRequest::default();
        let listed = told(self.ledger.clone().list_budgets(ask(wanted)).await)?;
        Ok(listed.budgets)
    }

    /// Alerts since `since`, and those that come.
    pub(super) async fn alerts(
        &self,
        since: prost_types::Timestamp,
    ) -> Result<Streaming<wire::WatchAlertsResponse>, Refusal> {
        let wanted = wire::WatchAlertsRequest {
            since: Some(since),
            ..wire::WatchAlertsRequest::default()
        };
        let wanted = request_within(wanted, Deadline::within(WATCH));
        told(self.ledger.clone().watch_alerts(wanted).await)
    }

    pub(super) async fn set_budget(&self, wanted: wire::SetBudgetRequest) -> Result<(), Refusal> {
        told(self.accounts.clone().set_budget(ask(wanted)).await).map(|_| ())
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

    pub(super) async fn create_project(&self, name: &str) -> Result<(), Refusal> {
        let name = name.to_owned();
        let wanted = wire::CreateProjectRequest { name };
        told(self.accounts.clone().create_project(ask(wanted)).await).map(|_| ())
    }

    /// The newest keys.
    pub(super) async fn keys(&self) -> Result<Vec<wire::Key>, Refusal> {
        let wanted = wire::ListKeysRequest {
            page_size: MOST,
            ..wire::ListKeysRequest::default()
        };
        Ok(told(self.accounts.clone().list_keys(ask(wanted)).await)?.keys)
    }

    pub(super) async fn create_key(
        &self,
        wanted: wire::CreateKeyRequest,
    ) -> Result<(wire::Key, String), Refusal> {
        let made = told(self.accounts.clone().create_key(ask(wanted)).await)?;
        Ok((made.key.unwrap_or_default(), made.secret))
    }

    pub(super) async fn rotate_key(
        &self,
        wanted: wire::RotateKeyRequest,
    ) -> Result<(wire::Key, String), Refusal> {
        let made = told(self.accounts.clone().rotate_key(ask(wanted)).await)?;
        Ok((made.key.unwrap_or_default(), made.secret))
    }

    pub(super) async fn revoke_key(&self, key_id: &str) -> Result<(), Refusal> {
        let key_id = key_id.to_owned();
        let wanted = wire::RevokeKeyRequest { key_id };
        told(self.accounts.clone().revoke_key(ask(wanted)).await).map(|_| ())
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
