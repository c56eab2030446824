//! Lookups that change nothing: one request, and all budgets. Each reads one moment.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::{Failure, ProjectName, Reason, RequestId};

use crate::budget::Standing;
use crate::error::Error;
use crate::store::requests::{self, Account};
use crate::store::{Store, Transaction, budgets};

/// Which request, and whose it has to be.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) request_id: RequestId,
    pub(crate) project: ProjectName,
}

/// Tells what is known of one request.
pub(crate) async fn request(store: &Store, ask: Lookup) -> Result<Account, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

/// Tells where every budget stands; with a project those of it and above it.
pub(crate) async fn budgets(
    store: &Store,
    project: Option<ProjectName>,
) -> Result<Vec<Standing>, Failure> {
    Ok(store.transact(Arc::new(Budgets(project))).await?)
}

impl Transaction for Lookup {
    type Output = Account;
    const NAME: &'static str = "look up a request";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Account, Error> {
        let account = requests::account(database, self.request_id, &self.project).await?;
        account.ok_or_else(|| {
            let message = format!(
                "the ledger knows no request {} of project {}",
                self.request_id, self.project
            );
            Error::Refused(Failure::new(Reason::NotFound, message))
        })
    }
}

struct Budgets(Option<ProjectName>);

impl Transaction for Budgets {
    type Output = Vec<Standing>;
    const NAME: &'static str = "list budgets";
    const SNAPSHOT: bool = true;

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        budgets::all(database, self.0.as_ref()).await
    }
}
