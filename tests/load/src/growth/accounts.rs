//! Projects with a key each, made over the wire as an operator would.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_proto::ledger::v1::{CreateKeyRequest, CreateProjectRequest};
use terrace_rpc::Link;
use tonic::Request;

use crate::overhead::site::ROOT_KEY;

/// Made at once.
const AT_ONCE: usize = 16;

/// Makes so many; gives the secrets of the keys.
///
/// # Errors
/// A call failed.
pub(super) async fn create(url: &str, count: u64) -> anyhow::Result<Vec<String>> {
    let accounts = AccountServiceClient::new(Link::network("terrace", url)?);
    let made = stream::iter(0..count).map(|number| one(accounts.clone(), number));
    made.buffer_unordered(AT_ONCE).try_collect().await
}

async fn one(mut accounts: AccountServiceClient<Link>, number: u64) -> anyhow::Result<String> {
    let project = format!("project-{number}");
    let create = CreateProjectRequest {
        name: project.clone(),
    };
    accounts.create_project(signed(create)?).await?;
    let create = CreateKeyRequest {
        project,
        name: "load".to_owned(),
        ..CreateKeyRequest::default()
    };
    let made = accounts.create_key(signed(create)?).await?.into_inner();
    Ok(made.secret)
}

fn signed<T>(message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    let key = format!("Bearer {ROOT_KEY}").parse().context("root key")?;
    request.metadata_mut().insert("authorization", key);
    Ok(request)
}
