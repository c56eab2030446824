//! Verify: proves the books, claim by claim, all of them in one moment.
//!
//! It trusts nothing that the ledger's own code believes: the claims are questions to the rows.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::Failure;

use crate::error::Error;
use crate::store::verify::{self, CLAIMS, Checked};
use crate::store::{Store, Transaction};

/// Checks every claim.
pub(crate) async fn verify(store: &Store) -> Result<Vec<Checked>, Failure> {
    Ok(store.transact(Arc::new(Verify)).await?)
}

struct Verify;

impl Transaction for Verify {
    type Output = Vec<Checked>;
    const NAME: &'static str = "verify the books";
    const SNAPSHOT: bool = true;
    /// It reads everything there is: that takes longer than any other statement may.
    const BEGIN: &'static str = "BEGIN; SET LOCAL statement_timeout = '30min'";

    async fn run(&self, database: &mut PgConnection) -> Result<Self::Output, Error> {
        let mut checked = Vec::with_capacity(CLAIMS.len());
        for claim in CLAIMS {
            checked.push(verify::check(database, claim).await?);
        }
        Ok(checked)
    }
}
