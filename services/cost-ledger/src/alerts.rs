//! Alerts of budgets: watched as they come, and sent to a webhook.
//!
//! Whether an alert is due is decided with the sums, under their lock (`budget/purses.rs`), and
//! written in the same transaction: each is given once a period, by whichever ledger it was. Here
//! they are only read, so a watcher or a webhook that is away loses nothing.

mod deliver;
mod message;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::{self, StreamExt as _};
use sqlx::PgConnection;
use terrace_domain::{Failure, ProjectName};
use time::OffsetDateTime;

use crate::budget::{AlertKind, Standing};
use crate::error::Error;
use crate::store::{Store, Transaction, alerts, clock};

pub(crate) use deliver::run as deliver;
pub(crate) use webhook::Webhook;

/// How often new alerts are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// How far back each look goes: a transaction that began earlier may commit later, and no
/// transaction lasts that long.
const OVERLAP: time::Duration = time::Duration::minutes(1);

/// An alert as it was given.
#[derive(Debug, Clone)]
pub(crate) struct Raised {
    pub(crate) alert_id: i64,
    pub(crate) kind: AlertKind,
    pub(crate) at: OffsetDateTime,
    /// How often it was sent to the webhook.
    pub(crate) attempts: u32,
    /// The budget as it stood then.
    pub(crate) standing: Standing,
}

/// Which alerts somebody wants to see.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// Those of this project and above it; absent: all.
    pub(crate) project: Option<ProjectName>,
    /// From when on; absent: those that are given from now on.
    pub(crate) since: Option<OffsetDateTime>,
}

/// Alerts as they come, each once, without an end. A look that fails is told and ends the stream.
///
/// # Errors
/// The database is not available.
pub(crate) async fn watch(
    store: Store,
    ask: Watch,
) -> Result<impl Stream<Item = Result<Raised, Failure>> + Send + 'static, Failure> {
    let project = ask.project;
    let looking = match ask.since {
        Some(from) => Looking::from(store, project, from),
        None => Looking::from_now_on(store, project).await?,
    };
    let looks = stream::unfold(Some(looking), |looking| async {
        let mut looking = looking?;
        match looking.look().await {
            Ok(new) => Some((new.into_iter().map(Ok).collect(), Some(looking))),
            Err(failure) => Some((vec![Err(failure)], None)),
        }
    });
    Ok(looks.flat_map(stream::iter))
}

/// A watcher and what it has seen.
struct Looking {
    store: Store,
    project: Option<ProjectName>,
    from: OffsetDateTime,
    seen: BTreeMap<i64, OffsetDateTime>,
    /// Before the next look; the first one is at once.
    pause: Duration,
}

impl Looking {
    const fn from(store: Store, project: Option<ProjectName>, from: OffsetDateTime) -> Self {
        Self {
            store,
            project,
            from,
            seen: BTreeMap::new(),
            pause: Duration::ZERO,
        }
    }

    /// Passes over what there is already.
    async fn from_now_on(store: Store, project: Option<ProjectName>) -> Result<Self, Failure> {
        let now = store.transact(Arc::new(Now)).await?;
        let mut looking = Self::from(store, project, now - OVERLAP);
        looking.look().await?;
        Ok(looking)
    }

    /// The alerts that were not seen yet.
    async fn look(&mut self) -> Result<Vec<Raised>, Failure> {
        tokio::time::sleep(self.pause).await;
        self.pause = LOOK;
        let ask = Since(self.from, self.project.clone());
        let mut found = self.store.transact(Arc::new(ask)).await?;
        if let Some(newest) = found.last() {
            self.from = self.from.max(newest.at - OVERLAP);
        }
        let from = self.from;
        self.seen.retain(|_, at| *at >= from);
        found.retain(|alert| self.seen.insert(alert.alert_id, alert.at).is_none());
        Ok(found)
    }
}

/// The database's clock.
struct Now;

impl Transaction for Now {
    type Output = OffsetDateTime;
    const NAME: &'static str = "ask for the time";

    async fn run(&self, database: &mut PgConnection) -> Result<OffsetDateTime, Error> {
        clock::now(database).await
    }
}

struct Since(OffsetDateTime, Option<ProjectName>);

impl Transaction for Since {
    type Output = Vec<Raised>;
    const NAME: &'static str = "look for alerts";

    async fn run(&self, database: &mut PgConnection) -> Result<Vec<Raised>, Error> {
        alerts::since(database, self.0, self.1.as_ref()).await
    }
}
