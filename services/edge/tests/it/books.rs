//! A ledger that answers from a script, whose names mean no good, behind the layers and the link of
//! the real one; it remembers what it was told to change.

use std::sync::{Arc, Mutex};

use futures::stream::{self, BoxStream, StreamExt as _};
use prost_types::{Duration, Timestamp};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::AttemptOutcome;
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::account_service_server::AccountService;
use terrace_proto::ledger::v1::ledger_service_server::LedgerService;
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status};

/// The key of somebody who may manage.
pub(crate) const MANAGER: &str = "the manager's own key";
/// The key of somebody who may not.
pub(crate) const ROUTER: &str = "the router's own key";
/// The secret of a new key.
pub(crate) const SECRET: &str = "tk_shown_once";
/// What a page must never repeat as it is.
pub(crate) const EVIL: &str = "<script>alert(1)</script>";

type Answer<T> = Result<Response<T>, Status>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    /// Whether the keys have been revoked.
    pub(crate) is_revoked: Arc<Mutex<bool>>,
    /// What was changed, in the words of the wire.
    pub(crate) changed: Arc<Mutex<Vec<String>>>,
    /// How often a key was asked for.
    pub(crate) asked: Arc<Mutex<u32>>,
}

impl Books {
    fn note(&self, change: &impl std::fmt::Debug) {
        self.changed.lock().unwrap().push(format!("{change:?}"));
    }

    pub(crate) fn changes(&self) -> Vec<String> {
        self.changed.lock().unwrap().clone()
    }
}

fn told<T>(answer: T) -> Answer<T> {
    Ok(Response::new(answer))
}

fn refused<T>(reason: Reason) -> Answer<T> {
    Err(to_status(&Failure::new(reason, "not here")))
}

const fn moment(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn sums() -> wire::Sums {
    wire::Sums {
        requests: 12,
        answered: 10,
        passed: 9,
        attempts: 14,
        accepted: 10,
        escalated: 3,
        cost_nano_usd: 1_308_000,
        baseline_nano_usd: 5_000_000,
        baseline_requests: 8,
        savings_nano_usd: 3_692_000,
        ..wire::Sums::default()
    }
}

/// A budget that is half used up.
pub(crate) fn budget(name: &str) -> wire::Budget {
    wire::Budget {
        name: name.to_owned(),
        cap_nano_usd: 5_000_000_000,
        spent_nano_usd: 2_000_000_000,
        reserved_nano_usd: 500_000_000,
        alert_threshold: 0.8,
        period_start: moment(1_764_115_200),
        period_end: moment(1_764_201_600),
        time_zone: "UTC".to_owned(),
        origin: wire::BudgetOrigin::Call.into(),
        ..wire::Budget::default()
    }
}

fn key(scope: &str) -> wire::Key {
    wire::Key {
        key_id: "0190a0a0-0000-7000-8000-00000000000a".to_owned(),
        project: "search".to_owned(),
        name: EVIL.to_owned(),
        hint: "tk_abcd…wxyz".to_owned(),
        scopes: vec![scope.to_owned()],
        created_at: moment(1_764_115_200),
        ..wire::Key::default()
    }
}

/// The steps of a request that a second model answered.
pub(crate) fn steps() -> Vec<wire::StepSettlement> {
    let step = |index: i64, outcome: AttemptOutcome, score: f64| wire::StepSettlement {
        step: format!("attempt/{index}"),
        target: Some(wire::StepTarget {
            tier: "local_fast".to_owned(),
            backend: "ollama".to_owned(),
            model: EVIL.to_owned(),
        }),
        outcome: outcome.into(),
        cost_nano_usd: index * 2_376_000,
        score: Some(score),
        started_at: moment(1_764_115_200 + index),
        latency: Some(Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..wire::StepSettlement::default()
    };
    vec![
        step(0, AttemptOutcome::Rejected, 0.15),
        step(1, AttemptOutcome::Accepted, 0.95),
    ]
}

/// The id of the request that the books know.
pub(crate) const KNOWN: &str = "0190a0a0-0000-7000-8000-000000000001";

fn event(step: wire::StepSettlement) -> wire::UsageEvent {
    wire::UsageEvent {
        request_id: KNOWN.to_owned(),
        project: "search".to_owned(),
        action: EVIL.to_owned(),
        answered: step.step == "attempt/1",
        step: Some(step),
        closed_at: moment(1_764_115_203),
        request_outcome: wire::RequestOutcome::Passed.into(),
        ..wire::UsageEvent::default()
    }
}

#[tonic::async_trait]
impl LedgerService for Books {
    async fn reserve(&self, _: Request<wire::ReserveRequest>) -> Answer<wire::ReserveResponse> {
        refused(Reason::NotImplemented)
    }

    async fn extend(&self, _: Request<wire::ExtendRequest>) -> Answer<wire::ExtendResponse> {
        refused(Reason::NotImplemented)
    }

    async fn settle(&self, _: Request<wire::SettleRequest>) -> Answer<wire::SettleResponse> {
        refused(Reason::NotImplemented)
    }

    async fn release(&self, _: Request<wire::ReleaseRequest>) -> Answer<wire::ReleaseResponse> {
        refused(Reason::NotImplemented)
    }

    async fn acquire_lease(
        &self,
        _: Request<wire::AcquireLeaseRequest>,
    ) -> Answer<wire::AcquireLeaseResponse> {
        refused(Reason::NotImplemented)
    }

    async fn renew_lease(
        &self,
        _: Request<wire::RenewLeaseRequest>,
    ) -> Answer<wire::RenewLeaseResponse> {
        refused(Reason::NotImplemented)
    }

    async fn return_lease(
        &self,
        _: Request<wire::ReturnLeaseRequest>,
    ) -> Answer<wire::ReturnLeaseResponse> {
        refused(Reason::NotImplemented)
    }

    async fn get_request(
        &self,
        request: Request<wire::GetRequestRequest>,
    ) -> Answer<wire::GetRequestResponse> {
        if request.into_inner().request_id != KNOWN {
            return refused(Reason::NotFound);
        }
        told(wire::GetRequestResponse {
            request_id: KNOWN.to_owned(),
            action: EVIL.to_owned(),
            close: Some(wire::RequestClose {
                outcome: wire::RequestOutcome::Passed.into(),
                tier: "api_fallback".to_owned(),
                model: EVIL.to_owned(),
                tags: [(EVIL.to_owned(), EVIL.to_owned())].into(),
                ..wire::RequestClose::default()
            }),
            steps: steps(),
            cost_nano_usd: 2_376_000,
            ..wire::GetRequestResponse::default()
        })
    }

    async fn get_summary(
        &self,
        request: Request<wire::GetSummaryRequest>,
    ) -> Answer<wire::GetSummaryResponse> {
        let asked = request.into_inner();
        let group = wire::SummaryGroup {
            from: moment(1_764_115_200),
            until: moment(1_764_118_800),
            values: asked.group_by.iter().map(|_| EVIL.to_owned()).collect(),
            sums: Some(sums()),
        };
        told(wire::GetSummaryResponse {
            from: moment(1_764_115_200),
            until: moment(1_764_201_600),
            requests: 12,
            tiers: vec![wire::TierSummary {
                tier: EVIL.to_owned(),
                attempts: 14,
                accepted: 10,
                answered: 10,
                cost_nano_usd: 1_308_000,
                ..wire::TierSummary::default()
            }],
            cost_nano_usd: 1_308_000,
            baseline_nano_usd: 5_000_000,
            savings_nano_usd: 3_692_000,
            baseline_model: EVIL.to_owned(),
            total: Some(sums()),
            groups: vec![group],
            ..wire::GetSummaryResponse::default()
        })
    }

    async fn list_budgets(
        &self,
        _: Request<wire::ListBudgetsRequest>,
    ) -> Answer<wire::ListBudgetsResponse> {
        told(wire::ListBudgetsResponse {
            budgets: vec![budget("installation/daily"), budget(EVIL)],
        })
    }

    async fn list_usage(
        &self,
        request: Request<wire::ListUsageRequest>,
    ) -> Answer<wire::ListUsageResponse> {
        if request.into_inner().filter.contains("wrong") {
            return refused(Reason::InvalidRequest);
        }
        told(wire::ListUsageResponse {
            events: steps().into_iter().map(event).collect(),
            next_page_token: "further".to_owned(),
        })
    }

    type ExportUsageStream = BoxStream<'static, Result<wire::ExportUsageResponse, Status>>;

    async fn export_usage(
        &self,
        _: Request<wire::ExportUsageRequest>,
    ) -> Answer<Self::ExportUsageStream> {
        refused(Reason::NotImplemented)
    }

    async fn verify(&self, _: Request<wire::VerifyRequest>) -> Answer<wire::VerifyResponse> {
        refused(Reason::NotImplemented)
    }

    type WatchAlertsStream = BoxStream<'static, Result<wire::WatchAlertsResponse, Status>>;

    async fn watch_alerts(
        &self,
        _: Request<wire::WatchAlertsRequest>,
    ) -> Answer<Self::WatchAlertsStream> {
        let alert = wire::WatchAlertsResponse {
            budget: Some(budget(EVIL)),
            at: moment(1_764_115_200),
            kind: wire::AlertKind::Threshold.into(),
            alert_id: "a".to_owned(),
        };
        let alerts = stream::iter([Ok(alert)]).chain(stream::pending());
        told(alerts.boxed())
    }
}

#[tonic::async_trait]
impl AccountService for Books {
    async fn create_project(
        &self,
        request: Request<wire::CreateProjectRequest>,
    ) -> Answer<wire::CreateProjectResponse> {
        self.note(&request.into_inner());
        told(wire::CreateProjectResponse::default())
    }

    async fn list_projects(
        &self,
        _: Request<wire::ListProjectsRequest>,
    ) -> Answer<wire::ListProjectsResponse> {
        let project = |name: &str| wire::Project {
            name: name.to_owned(),
            created_at: moment(1_764_115_200),
        };
        told(wire::ListProjectsResponse {
            projects: vec![project("search"), project(EVIL)],
            ..wire::ListProjectsResponse::default()
        })
    }

    async fn create_key(
        &self,
        request: Request<wire::CreateKeyRequest>,
    ) -> Answer<wire::CreateKeyResponse> {
        self.note(&request.into_inner());
        told(wire::CreateKeyResponse {
            key: Some(key("route")),
            secret: SECRET.to_owned(),
        })
    }

    async fn list_keys(&self, _: Request<wire::ListKeysRequest>) -> Answer<wire::ListKeysResponse> {
        told(wire::ListKeysResponse {
            keys: vec![key("route"), key("manage")],
            ..wire::ListKeysResponse::default()
        })
    }

    async fn rotate_key(
        &self,
        request: Request<wire::RotateKeyRequest>,
    ) -> Answer<wire::RotateKeyResponse> {
        self.note(&request.into_inner());
        told(wire::RotateKeyResponse {
            key: Some(key("route")),
            secret: SECRET.to_owned(),
        })
    }

    async fn revoke_key(
        &self,
        request: Request<wire::RevokeKeyRequest>,
    ) -> Answer<wire::RevokeKeyResponse> {
        self.note(&request.into_inner());
        told(wire::RevokeKeyResponse::default())
    }

    async fn authenticate(
        &self,
        request: Request<wire::AuthenticateRequest>,
    ) -> Answer<wire::AuthenticateResponse> {
        *self.asked.lock().unwrap() += 1;
        let is_revoked = *self.is_revoked.lock().unwrap();
        let key = match request.into_inner().secret.as_str() {
            MANAGER if !is_revoked => key("manage"),
            ROUTER if !is_revoked => key("route"),
            _ => return refused(Reason::Unauthenticated),
        };
        told(wire::AuthenticateResponse { key: Some(key) })
    }

    async fn set_budget(
        &self,
        request: Request<wire::SetBudgetRequest>,
    ) -> Answer<wire::SetBudgetResponse> {
        self.note(&request.into_inner());
        told(wire::SetBudgetResponse::default())
    }
}
