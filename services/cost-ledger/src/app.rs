//! The only wiring: settings in, a server's stack and a reaper out.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_domain::Failure;
use terrace_proto::ledger::v1::FILE_DESCRIPTOR_SET;
use terrace_proto::ledger::v1::account_service_server::AccountServiceServer;
use terrace_proto::ledger::v1::ledger_service_server::{LedgerService as _, LedgerServiceServer};
use terrace_rpc::server::{InvalidDescriptors, MAX_MESSAGE_BYTES, ServerSettings, Services, Stack};
use terrace_runtime::{Kind, Tasks};

use crate::accounts::Secrets;
use crate::alerts::{self, Webhook};
use crate::commit::Commits;
use crate::config::Settings;
use crate::error::{Error, StartError};
use crate::grpc::{self, Accounts, Grpc};
use crate::spool::Spool;
use crate::store::{Store, Transaction, budgets};
use crate::{history, lease, reap};

/// The ledger, built and not yet listening.
#[derive(Debug, Clone)]
pub struct App {
    store: Store,
    commits: Commits,
    grpc: Grpc,
    webhook: Option<Webhook>,
    spool: Spool,
    settings: Arc<Settings>,
}

/// Waits for the database, brings its tables up to date, writes the configured budgets down and
/// builds the ledger. Its transactions run in `tasks`: wait for those at the end.
///
/// # Errors
/// A secret or the address of the database is missing or wrong, nobody answers there within the
/// connect time-out, the tables or the budgets cannot be written, or the webhook cannot be used.
pub async fn build(settings: Settings, tasks: &Tasks) -> Result<App, StartError> {
    let webhook = Webhook::from_config(&settings.alert_webhook)?;
    let spool = Spool::open(&settings.spool, grpc::request_of)?;
    let secrets = Secrets::new(&settings.auth.pepper, &settings.auth.root_key)?;
    let store = Store::open(&settings, tasks.clone()).await?;
    let settings = Arc::new(settings);
    let configure = Arc::new(Configure(Arc::clone(&settings)));
    store
        .transact(configure)
        .await
        .map_err(|error| StartError::Budget(Failure::from(error)))?;
    let commits = Commits::new(store.clone(), settings.durability);
    let rules_of_calls = grpc::Rules::new(&settings, secrets);
    let rules = history::Rules::new(&settings);
    if let Err(failure) = history::make_ahead(&store, rules).await {
        tracing::warn!(%failure, "no partitions made: rows lie in the rest until there are");
    }
    Ok(App {
        grpc: Grpc::new(
            store.clone(),
            commits.clone(),
            spool.clone(),
            rules_of_calls,
        ),
        store,
        commits,
        webhook,
        spool,
        settings,
    })
}

impl App {
    /// The layered server, for a socket or for an in-process link.
    ///
    /// # Errors
    /// The contract's descriptors cannot be served: a defect of the build.
    pub fn stack(&self, settings: &ServerSettings) -> Result<Stack, InvalidDescriptors> {
        let ledger = LedgerServiceServer::new(self.grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let accounts = AccountServiceServer::new(Accounts::new(&self.grpc))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let services = Services::new(&[FILE_DESCRIPTOR_SET])
            .with(ledger)
            .with(accounts);
        let (reserving, settling) = (self.grpc.clone(), self.grpc.clone());
        let services = services
            .direct("terrace.ledger.v1.LedgerService/Reserve", move |request| {
                let grpc = reserving.clone();
                async move { grpc.reserve(request).await }
            })
            .direct("terrace.ledger.v1.LedgerService/Settle", move |request| {
                let grpc = settling.clone();
                async move { grpc.settle(request).await }
            });
        Stack::new("cost-ledger", settings, services)
    }

    /// Starts the reaper, which ends requests whose orchestrator died, the sender of alerts, what
    /// empties the spool and what tends history. They are dropped at the end of the process; a
    /// transaction they have begun still comes to its end.
    pub fn start_background(&self, tasks: &Tasks) {
        let (store, commits) = (self.store.clone(), self.commits.clone());
        let reaper = reap::run(store, commits, self.settings.reaper_interval);
        tasks.spawn("reaper", Kind::Background, reaper);
        let replay = self.spool.clone();
        let replay = replay.replay(self.commits.clone(), self.grpc.spooled());
        tasks.spawn("spool", Kind::Background, replay);
        if let Some(webhook) = &self.webhook {
            let deliver = alerts::deliver(self.store.clone(), webhook.clone());
            tasks.spawn("alerts", Kind::Background, deliver);
        }
        let history = history::run(self.store.clone(), history::Rules::new(&self.settings));
        tasks.spawn("history", Kind::Background, history);
    }

    /// Makes partitions ahead, rolls up what has passed and deletes what is too old, without
    /// waiting for its turn.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn tend_history(&self) -> Result<(), Failure> {
        while history::round(&self.store, history::Rules::new(&self.settings)).await? {}
        Ok(())
    }

    /// Ends expired requests once, without waiting for the reaper's turn.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn reap(&self) -> Result<u64, Failure> {
        lease::lose_expired(&self.store, &self.commits).await?;
        let ended = reap::round(&self.store, &self.commits).await?;
        Ok(u64::try_from(ended).unwrap_or(0))
    }
}

/// Writes the configured budgets down.
struct Configure(Arc<Settings>);

impl Transaction for Configure {
    type Output = ();
    const NAME: &'static str = "configure budgets";

    async fn run(&self, database: &mut PgConnection) -> Result<(), Error> {
        budgets::configure(database, &self.0.budgets).await
    }
}
