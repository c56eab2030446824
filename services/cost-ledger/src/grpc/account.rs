//! Projects, keys and budgets set by call: in the contract, not built yet.

use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_server::AccountService;
use tonic::Request;

use super::{Answer, not_built};

/// The service whose every call says that it is not built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accounts;

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
        _request: Request<wire::SetBudgetRequest>,
    ) -> Answer<wire::SetBudgetResponse> {
        not_built("SetBudget")
    }
}
