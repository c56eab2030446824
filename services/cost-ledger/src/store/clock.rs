//! The database's clock, which all replicas share.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::error::Error;

/// The moment in which the transaction began.
pub(crate) async fn now(database: &mut PgConnection) -> Result<OffsetDateTime, Error> {
    Ok(sqlx::query_scalar("SELECT now()")
        .fetch_one(database)
        .await?)
}

/// Lets every statement of this transaction be planned for questions about the books: for the
/// values that it is given, because questions with filters have many shapes and a plan that fits
/// all of them fits none; and knowing that rows which are asked for together lie together, as ids
/// are ordered by time, so that reading one by its id hardly ever waits for a disk.
pub(crate) async fn plan_for_values(database: &mut PgConnection) -> Result<(), Error> {
    sqlx::query(
        "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
                set_config('random_page_cost', '1.1', true)",
    )
    .execute(database)
    .await?;
    Ok(())
}
