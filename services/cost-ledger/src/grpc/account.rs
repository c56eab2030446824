//! Accounts: budgets set by call. Projects and keys are in the contract, not built yet.

use std::sync::Arc;

use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_server::AccountService;
use tonic::{Request, Response};

use super::{Answer, Grpc, Rules, not_built, read, refused, write};
use crate::set_budget;
use crate::store::Store;

/// The generated service over the use cases.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    store: Store,
    rules: Arc<Rules>,
}

impl Accounts {
    /// With the store and the rules of the other service.
    pub(crate) fn new(grpc: &Grpc) -> Self {
        Self {
            store: grpc.store.clone(),
            rules: Arc::clone(&grpc.rules),
        }
    }
}

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn create_project(
        &self,
        _request: Request<wire::CreateProjectRequest>,
    ) -> Answer<wire::CreateProjectResponse> {
        not_built("CreateProject")
    }

    async fn list_projects(
        &self,
        _request: Request<wire::ListProjectsRequest>,
    ) -> Answer<wire::ListProjectsResponse> {
        not_built("ListProjects")
    }

    async fn create_key(
        &self,
        _request: Request<wire::CreateKeyRequest>,
    ) -> Answer<wire::CreateKeyResponse> {
        not_built("CreateKey")
    }

    async fn list_keys(
        &self,
        _request: Request<wire::ListKeysRequest>,
    ) -> Answer<wire::ListKeysResponse> {
        not_built("ListKeys")
    }

    async fn revoke_key(
        &self,
        _request: Request<wire::RevokeKeyRequest>,
    ) -> Answer<wire::RevokeKeyResponse> {
        not_built("RevokeKey")
    }

    async fn authenticate(
        &self,
        _request: Request<wire::AuthenticateRequest>,
    ) -> Answer<wire::AuthenticateResponse> {
        not_built("Authenticate")
    }

    async fn set_budget(
        &self,
        request: Request<wire::SetBudgetRequest>,
    ) -> Answer<wire::SetBudgetResponse> {
        let ask = read::set_budget(&request.into_inner(), &self.rules).map_err(refused)?;
        let set = set_budget::set_budget(&self.store, ask).await;
        let standing = set.map_err(refused)?;
        Ok(Response::new(wire::SetBudgetResponse {
            name: standing.name.to_string(),
            budget: Some(write::budget(&standing)),
        }))
    }
}
