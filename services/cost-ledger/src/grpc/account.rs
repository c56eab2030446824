//! Accounts: projects and keys, and budgets set by call.

use std::sync::Arc;

use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_server::AccountService;
use tonic::{Request, Response};

use super::{Answer, Grpc, Rules, keys, read, refused, write};
use crate::accounts::perform;
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
        request: Request<wire::CreateProjectRequest>,
    ) -> Answer<wire::CreateProjectResponse> {
        let ask = keys::create_project(&request.into_inner()).map_err(refused)?;
        let made = perform(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(wire::CreateProjectResponse {
            project: Some(keys::project(&made)),
        }))
    }

    async fn list_projects(
        &self,
        request: Request<wire::ListProjectsRequest>,
    ) -> Answer<wire::ListProjectsResponse> {
        let ask = keys::list_projects(request.into_inner()).map_err(refused)?;
        let (found, more) = perform(&self.store, ask).await.map_err(refused)?;
        let next = found.last().filter(|_| more);
        Ok(Response::new(wire::ListProjectsResponse {
            next_page_token: next.map(|last| last.name.clone()).unwrap_or_default(),
            projects: found.iter().map(keys::project).collect(),
        }))
    }

    async fn create_key(
        &self,
        request: Request<wire::CreateKeyRequest>,
    ) -> Answer<wire::CreateKeyResponse> {
        let ask = keys::create(request.into_inner(), &self.rules.secrets).map_err(refused)?;
        let made = perform(&self.store, ask).await.map_err(refused)?;
        let (key, secret) = keys::shown(&made);
        Ok(Response::new(wire::CreateKeyResponse { key, secret }))
    }

    async fn list_keys(
        &self,
        request: Request<wire::ListKeysRequest>,
    ) -> Answer<wire::ListKeysResponse> {
        let ask = keys::list(&request.into_inner()).map_err(refused)?;
        let (found, more) = perform(&self.store, ask).await.map_err(refused)?;
        let next = found.last().filter(|_| more);
        Ok(Response::new(wire::ListKeysResponse {
            next_page_token: next.map(|last| last.key_id.to_string()).unwrap_or_default(),
            keys: found.iter().map(keys::key).collect(),
        }))
    }

    async fn rotate_key(
        &self,
        request: Request<wire::RotateKeyRequest>,
    ) -> Answer<wire::RotateKeyResponse> {
        let ask = keys::rotate(&request.into_inner(), &self.rules.secrets).map_err(refused)?;
        let rotated = perform(&self.store, ask).await.map_err(refused)?;
        let (key, secret) = keys::shown(&rotated);
        Ok(Response::new(wire::RotateKeyResponse { key, secret }))
    }

    async fn revoke_key(
        &self,
        request: Request<wire::RevokeKeyRequest>,
    ) -> Answer<wire::RevokeKeyResponse> {
        let ask = keys::revoke(&request.into_inner()).map_err(refused)?;
        let revoked = perform(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(wire::RevokeKeyResponse {
            key: Some(keys::key(&revoked)),
        }))
    }

    async fn authenticate(
        &self,
        request: Request<wire::AuthenticateRequest>,
    ) -> Answer<wire::AuthenticateResponse> {
        let ask = keys::authenticate(&request.into_inner(), &self.rules.secrets);
        let ask = ask.map_err(refused)?;
        let found = perform(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(wire::AuthenticateResponse {
            key: Some(keys::key(&found)),
        }))
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
