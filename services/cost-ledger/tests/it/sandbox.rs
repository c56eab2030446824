//! A ledger on a database of its own, and short words for its calls.

use sqlx::{Connection as _, PgConnection};
use terrace_config::{Budget, TimeZone};
use terrace_cost_ledger::{App, Settings};
use terrace_domain::{Failure, NanoUsd, RequestId, Score};
use terrace_proto::common::v1::{AttemptOutcome, Usage};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::Link;
use terrace_rpc::server::ServerSettings;
use terrace_rpc::status::to_failure;
use terrace_runtime::{Shutdown, Tasks};
use terrace_testkit::{Relay, TestDatabase};
use time::OffsetDateTime;
use tonic::{Response, Status};

/// The project of every request that does not say otherwise.
pub(crate) const PROJECT: &str = "default";

/// The name of the day's budget of the whole installation.
pub(crate) const DAILY: &str = "installation/daily";

pub(crate) struct Sandbox {
    pub(crate) app: App,
    pub(crate) ledger: LedgerServiceClient<Link>,
    pub(crate) accounts: AccountServiceClient<Link>,
    pub(crate) tasks: Tasks,
    pub(crate) database: TestDatabase,
}

impl Sandbox {
    /// Without a budget.
    pub(crate) async fn free() -> Self {
        Self::start(|_| ()).await
    }

    /// With a daily budget of so many nano-USD.
    pub(crate) async fn with_budget(cap: i64) -> Self {
        Self::with_budgets(&[(DAILY, cap)]).await
    }

    /// With these budgets of so many nano-USD.
    pub(crate) async fn with_budgets(budgets: &[(&str, i64)]) -> Self {
        let budgets = budgets
            .iter()
            .map(|(name, cap)| budget(name, *cap))
            .collect();
        Self::start(|settings| settings.budgets = budgets).await
    }

    pub(crate) async fn start(configure: impl FnOnce(&mut Settings)) -> Self {
        Self::on(TestDatabase::create(), configure).await
    }

    pub(crate) async fn on(database: TestDatabase, configure: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::for_testing(database.url());
        settings.time_zone = zone_far_from_midnight();
        configure(&mut settings);
        Self::with(database, settings).await
    }

    pub(crate) async fn with(database: TestDatabase, settings: Settings) -> Self {
        let tasks = Tasks::new(Shutdown::new());
        let app = terrace_cost_ledger::build(settings, &tasks).await.unwrap();
        let stack = app.stack(&ServerSettings::for_testing()).unwrap();
        let link = Link::in_process("cost-ledger", stack);
        Self {
            app,
            ledger: LedgerServiceClient::new(link.clone()),
            accounts: AccountServiceClient::new(link),
            tasks,
            database,
        }
    }

    pub(crate) async fn reserve(
        &self,
        ask: wire::ReserveRequest,
    ) -> Result<wire::ReserveResponse, Failure> {
        answer(self.ledger.clone().reserve(ask).await)
    }

    pub(crate) async fn settle(
        &self,
        ask: wire::SettleRequest,
    ) -> Result<wire::SettleResponse, Failure> {
        answer(self.ledger.clone().settle(ask).await)
    }

    pub(crate) async fn extend(
        &self,
        ask: wire::ExtendRequest,
    ) -> Result<wire::ExtendResponse, Failure> {
        answer(self.ledger.clone().extend(ask).await)
    }

    /// Frees these steps, or all, and says how much that was.
    pub(crate) async fn release(&self, id: RequestId, steps: &[&str]) -> i64 {
        let ask = wire::ReleaseRequest {
            request_id: id.to_string(),
            steps: steps.iter().map(ToString::to_string).collect(),
        };
        let freed = answer(self.ledger.clone().release(ask).await);
        freed.unwrap().freed_nano_usd
    }

    pub(crate) async fn request(&self, id: RequestId) -> wire::GetRequestResponse {
        self.request_of(id, PROJECT).await.unwrap()
    }

    pub(crate) async fn request_of(
        &self,
        id: RequestId,
        project: &str,
    ) -> Result<wire::GetRequestResponse, Failure> {
        let ask = wire::GetRequestRequest {
            request_id: id.to_string(),
            project: project.to_owned(),
        };
        answer(self.ledger.clone().get_request(ask).await)
    }

    pub(crate) async fn summary(&self) -> wire::GetSummaryResponse {
        let ask = wire::GetSummaryRequest::default();
        answer(self.ledger.clone().get_summary(ask).await).unwrap()
    }

    pub(crate) async fn budgets(&self) -> Vec<wire::Budget> {
        self.budgets_of("").await
    }

    pub(crate) async fn budgets_of(&self, project: &str) -> Vec<wire::Budget> {
        let ask = wire::ListBudgetsRequest {
            project: project.to_owned(),
        };
        let listed = answer(self.ledger.clone().list_budgets(ask).await);
        listed.unwrap().budgets
    }

    /// Every budget with what it has spent and reserved in the period at hand.
    pub(crate) async fn standings(&self) -> Vec<(String, i64, i64)> {
        let budgets = self.budgets().await.into_iter();
        let standing =
            |budget: wire::Budget| (budget.name, budget.spent_nano_usd, budget.reserved_nano_usd);
        budgets.map(standing).collect()
    }

    pub(crate) async fn set_budget(
        &self,
        ask: wire::SetBudgetRequest,
    ) -> Result<wire::Budget, Failure> {
        let set = answer(self.accounts.clone().set_budget(ask).await);
        set.map(|set| set.budget.unwrap())
    }

    /// What the one budget has spent and reserved in the period at hand.
    pub(crate) async fn standing(&self) -> (i64, i64) {
        let budgets = self.budgets().await;
        let [budget] = budgets.as_slice() else {
            panic!("not one budget: {budgets:?}");
        };
        (budget.spent_nano_usd, budget.reserved_nano_usd)
    }

    /// Makes a request look as if its orchestrator had died long ago.
    pub(crate) fn expire(&self, id: RequestId) {
        self.execute(&format!(
            "UPDATE requests SET expires_at = now() - interval '1 second' WHERE request_id = '{id}'"
        ));
    }

    /// Makes today yesterday.
    pub(crate) fn pass_midnight(&self) {
        self.execute(
            "UPDATE budget_periods SET period_start = period_start - interval '1 day',
                                       period_end = period_end - interval '1 day'",
        );
    }

    /// Another ledger process on the same database, with a daily budget.
    pub(crate) async fn another_client(&self, cap: i64) -> LedgerServiceClient<Link> {
        let mut settings = Settings::for_testing(self.database.url());
        settings.budgets = vec![budget(DAILY, cap)];
        let app = terrace_cost_ledger::build(settings, &self.tasks)
            .await
            .unwrap();
        let stack = app.stack(&ServerSettings::for_testing()).unwrap();
        LedgerServiceClient::new(Link::in_process("cost-ledger", stack))
    }

    /// A connection of our own, beside those of the ledger.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.database.url()).await.unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        assert!(self.database.query(sql).is_empty());
    }

    /// Fails unless the sums of every period are what holds and events say.
    pub(crate) fn check_books(&self) {
        let wrong = self.database.query(
            "SELECT period_id, spent_nano_usd, spent, reserved_nano_usd, held, leased_nano_usd, lent
             FROM budget_periods
             LEFT JOIN LATERAL (
                 SELECT coalesce(sum(cost_nano_usd), 0) AS spent FROM usage_events event
                 WHERE budget_periods.period_id = ANY(event.period_ids)) AS events ON true
             LEFT JOIN LATERAL (
                 SELECT coalesce(sum(amount_nano_usd), 0) AS held FROM holds hold
                 WHERE budget_periods.period_id = ANY(hold.period_ids) AND state = 'open') AS open ON true
             LEFT JOIN LATERAL (
                 SELECT coalesce(sum(remaining_nano_usd), 0) AS lent FROM leases
                 WHERE budget_periods.period_id = ANY(leases.period_ids)) AS out ON true
             WHERE spent_nano_usd <> spent OR reserved_nano_usd <> held + lent
                OR leased_nano_usd <> lent",
        );
        assert!(wrong.is_empty(), "sums that are not their parts: {wrong:?}");
    }
}

/// The settings of a ledger whose way to its database is a wire that can be bent.
pub(crate) fn relayed(database: &TestDatabase) -> (Relay, Settings) {
    let mut url = url::Url::parse(database.url()).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let relay = Relay::start(&server);
    let port = relay.address().rsplit(':').next().unwrap().parse().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    (relay, Settings::for_testing(url.as_str()))
}

/// Where it is day: no test has its day end in the middle.
fn zone_far_from_midnight() -> TimeZone {
    let name = match OffsetDateTime::now_utc().hour() {
        6..18 => "UTC",
        _ => "Pacific/Honolulu",
    };
    TimeZone::by_name(name).unwrap()
}

pub(crate) fn budget(name: &str, cap: i64) -> Budget {
    Budget {
        name: name.parse().unwrap(),
        cap: NanoUsd::new(cap),
        alert_threshold: Score::clamped(0.8),
        time_zone: zone_far_from_midnight(),
    }
}

pub(crate) fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Failure> {
    answer
        .map(Response::into_inner)
        .map_err(|status| to_failure(&status))
}

pub(crate) fn target(tier: &str) -> wire::StepTarget {
    wire::StepTarget {
        tier: tier.to_owned(),
        backend: "backend".to_owned(),
        model: format!("{tier}-model"),
    }
}

/// Asks for `amount` for a step.
pub(crate) fn hold(id: RequestId, step: &str, amount: i64) -> wire::ReserveRequest {
    wire::ReserveRequest {
        request_id: id.to_string(),
        step: step.to_owned(),
        project: PROJECT.to_owned(),
        key_id: String::new(),
        amount_nano_usd: amount,
        ttl: None,
        target: Some(target("api_fallback")),
        action: "edit_file".to_owned(),
        body_fingerprint: Vec::new(),
    }
}

/// Asks for the hold of a step to be `amount`.
pub(crate) fn raising(id: RequestId, step: &str, amount: i64) -> wire::ExtendRequest {
    wire::ExtendRequest {
        request_id: id.to_string(),
        step: step.to_owned(),
        amount_nano_usd: amount,
        ttl: None,
    }
}

/// Settles these steps of a request, without closing it.
pub(crate) fn settling(
    id: RequestId,
    steps: impl IntoIterator<Item = wire::StepSettlement>,
) -> wire::SettleRequest {
    wire::SettleRequest {
        request_id: id.to_string(),
        project: PROJECT.to_owned(),
        key_id: String::new(),
        action: "edit_file".to_owned(),
        steps: steps.into_iter().collect(),
        close: None,
        body_fingerprint: Vec::new(),
    }
}

pub(crate) fn closing(
    ask: wire::SettleRequest,
    outcome: wire::RequestOutcome,
    tier: &str,
) -> wire::SettleRequest {
    let answer = if tier.is_empty() {
        wire::StepTarget::default()
    } else {
        target(tier)
    };
    let close = wire::RequestClose {
        outcome: outcome.into(),
        tier: answer.tier,
        backend: answer.backend,
        model: answer.model,
        ..wire::RequestClose::default()
    };
    wire::SettleRequest {
        close: Some(close),
        ..ask
    }
}

/// An accepted step of the highest tier.
pub(crate) fn spent(step: &str, cost: i64) -> wire::StepSettlement {
    ended(step, "api_fallback", AttemptOutcome::Accepted, cost)
}

pub(crate) fn ended(
    step: &str,
    tier: &str,
    outcome: AttemptOutcome,
    cost: i64,
) -> wire::StepSettlement {
    wire::StepSettlement {
        step: step.to_owned(),
        target: Some(target(tier)),
        outcome: outcome.into(),
        reason: String::new(),
        usage: Some(Usage {
            input_tokens: 10,
            output_tokens: 5,
            ..Usage::default()
        }),
        cost_nano_usd: cost,
        score: None,
        started_at: None,
        latency: None,
        lease_id: String::new(),
        lease_debit_nano_usd: 0,
    }
}
