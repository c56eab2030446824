//! The ledger's accounts over a link: whose a key is.

use std::time::Duration;

use async_trait::async_trait;
use terrace_domain::{Failure, ProjectName, Reason};
use terrace_proto::ledger::v1::AuthenticateRequest;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_rpc::status::to_failure;

use crate::door::{Authenticate, Key};

/// A question about a key is answered soon or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the ledger for keys.
#[derive(Debug, Clone)]
pub struct AccountsClient {
    inner: AccountServiceClient<Link>,
}

impl AccountsClient {
    /// Creates a client over a link.
    #[must_use]
    pub fn new(link: Link) -> Self {
        Self {
            inner: AccountServiceClient::new(link),
        }
    }
}

#[async_trait]
impl Authenticate for AccountsClient {
    async fn authenticate(&self, secret: &str) -> Result<Key, Failure> {
        let message = AuthenticateRequest {
            secret: secret.to_owned(),
        };
        let request = request_within(message, Deadline::within(PATIENCE));
        let answer = self.inner.clone().authenticate(request).await;
        let answer = answer.map_err(|status| to_failure(&status))?.into_inner();
        let key = answer.key.unwrap_or_default();
        let project = ProjectName::new(key.project)
            .map_err(|_| Failure::new(Reason::Internal, "the ledger's key has no project"))?;
        Ok(Key {
            key_id: key.key_id,
            project,
            scopes: key.scopes,
            requests_per_minute: key.requests_per_minute,
        })
    }
}
