//! Release: frees the holds of steps that were never called.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::{Failure, NanoUsd, RequestId, Step};

use crate::error::Error;
use crate::store::{Store, Transaction, entries, requests};

/// Whose holds to free; no step means all that are open.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) request_id: RequestId,
    pub(crate) steps: Vec<Step>,
}

/// Frees the holds and says how much that was; a second call frees nothing.
pub(crate) async fn release(store: &Store, ask: Release) -> Result<NanoUsd, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

impl Transaction for Release {
    type Output = NanoUsd;
    const NAME: &'static str = "release";

    async fn run(&self, database: &mut PgConnection) -> Result<NanoUsd, Error> {
        let Some(locked) = requests::lock(database, self.request_id).await? else {
            return Ok(NanoUsd::ZERO);
        };
        let written = locked.books.release(&self.steps);
        entries::write(database, self.request_id, &written).await?;
        Ok(written.freed)
    }
}
