//! Wire in, use case, wire out. No decisions are made here.

mod account;
mod fields;
mod keys;
mod read;
mod summary;
mod usage;
mod write;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _};
use prost::Message as _;
use terrace_config::TimeZone;
use terrace_domain::{Failure, ModelName, RequestId, Score};
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::ledger_service_server::LedgerService;
use terrace_rpc::status::to_status;
use tonic::{Request, Response, Status};

use crate::accounts::Secrets;
use crate::budget::LeaseTerms;
use crate::commit::Commits;
use crate::config::{Settings, TagLimits};
use crate::spool::{Read, Spool};
use crate::store::Store;
use crate::{
    alerts, extend, lease, lookup, release, reserve, summary as sums, usage as rows, verify,
};

pub(crate) use account::Accounts;

/// The generated service over the use cases.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    store: Store,
    commits: Commits,
    spool: Spool,
    rules: Arc<Rules>,
}

/// What of the settings calls are read and answered by.
#[derive(Debug)]
pub(crate) struct Rules {
    reservation_ttl: Duration,
    leases: LeaseTerms,
    tags: TagLimits,
    time_zone: TimeZone,
    alert_threshold: Score,
    baseline_model: Option<ModelName>,
    gpu: sums::Rates,
    secrets: Secrets,
}

impl Rules {
    pub(crate) fn new(settings: &Settings, secrets: Secrets) -> Self {
        let rates = settings.gpu_cost_per_hour.iter();
        let rates = rates.map(|(backend, rate)| (backend.to_string(), *rate));
        Self {
            reservation_ttl: settings.reservation_ttl,
            leases: LeaseTerms::from(settings.leases),
            tags: settings.tags,
            time_zone: settings.time_zone,
            alert_threshold: settings.alert_threshold,
            baseline_model: settings.baseline_model.clone(),
            gpu: sums::Rates::new(rates),
            secrets,
        }
    }
}

impl Grpc {
    pub(crate) fn new(store: Store, commits: Commits, spool: Spool, rules: Rules) -> Self {
        Self {
            store,
            commits,
            spool,
            rules: Arc::new(rules),
        }
    }
}

impl Grpc {
    /// Reads what was spooled as it was when it came over the wire.
    pub(crate) fn spooled(&self) -> Read {
        let rules = Arc::clone(&self.rules);
        Box::new(move |record| {
            let message = wire::SettleRequest::decode(record).ok()?;
            read::settle(&message, &rules).ok()
        })
    }
}

/// The request whose settlement was spooled as `record`.
pub(crate) fn request_of(record: &[u8]) -> Option<RequestId> {
    let message = wire::SettleRequest::decode(record).ok()?;
    message.request_id.parse().ok()
}

/// Reads `bytes` as the message of each rpc that says something.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_any(bytes: &[u8], rules: &Rules) {
    fn each<M: prost::Message + Default, T>(bytes: &[u8], read: impl Fn(M) -> Result<T, Failure>) {
        drop(M::decode(bytes).map(read));
    }
    each(bytes, |message| read::reserve(message, rules));
    each(bytes, |message| read::extend(&message, rules));
    each(bytes, |message| read::settle(&message, rules));
    each(bytes, |message| read::release(&message));
    each(bytes, |message| read::lookup(&message));
    each(bytes, |message| read::watch_alerts(&message));
    each(bytes, |message| summary::ask(&message, rules));
    each(bytes, |message| usage::list(&message, rules));
    each(bytes, |message| usage::export(&message, rules));
    each(bytes, |message| keys::create(message, &rules.secrets));
    each(bytes, |message| keys::rotate(&message, &rules.secrets));
    each(bytes, |message| {
        keys::authenticate(&message, &rules.secrets)
    });
    each(bytes, |message| keys::list(&message));
}

type Answer<T> = Result<Response<T>, Status>;

fn refused(failure: Failure) -> Status {
    to_status(&failure)
}

#[tonic::async_trait]
impl LedgerService for Grpc {
    async fn reserve(
        &self,
        request: Request<wire::ReserveRequest>,
    ) -> Answer<wire::ReserveResponse> {
        let ask = read::reserve(request.into_inner(), &self.rules).map_err(refused)?;
        let request_id = ask.identity.request_id;
        self.spool.let_hold(request_id).map_err(refused)?;
        let patience = self.rules.leases.recall();
        let held = reserve::reserve(&self.commits, ask, patience)
            .await
            .map_err(refused)?;
        Ok(Response::new(write::held(&held)))
    }

    async fn extend(&self, request: Request<wire::ExtendRequest>) -> Answer<wire::ExtendResponse> {
        let ask = read::extend(&request.into_inner(), &self.rules).map_err(refused)?;
        let extended = extend::extend(&self.commits, ask).await.map_err(refused)?;
        Ok(Response::new(write::extended(&extended)))
    }

    async fn settle(&self, request: Request<wire::SettleRequest>) -> Answer<wire::SettleResponse> {
        let message = request.into_inner();
        let ask = read::settle(&message, &self.rules).map_err(refused)?;
        let record = || message.encode_to_vec();
        let settled = self.spool.settle(&self.commits, ask, record).await;
        let settled = settled.map_err(refused)?;
        Ok(Response::new(wire::SettleResponse {
            held_nano_usd: settled.held.get(),
            cost_nano_usd: settled.cost.get(),
            spooled: settled.spooled,
        }))
    }

    async fn release(
        &self,
        request: Request<wire::ReleaseRequest>,
    ) -> Answer<wire::ReleaseResponse> {
        let ask = read::release(&request.into_inner()).map_err(refused)?;
        let freed = release::release(&self.commits, ask)
            .await
            .map_err(refused)?;
        Ok(Response::new(wire::ReleaseResponse {
            freed_nano_usd: freed.get(),
        }))
    }

    async fn acquire_lease(
        &self,
        request: Request<wire::AcquireLeaseRequest>,
    ) -> Answer<wire::AcquireLeaseResponse> {
        let ask = read::acquire(request.get_ref(), &self.rules).map_err(refused)?;
        let acquired = lease::acquire(&self.commits, ask).await.map_err(refused)?;
        Ok(Response::new(write::acquired(&acquired)))
    }

    async fn renew_lease(
        &self,
        request: Request<wire::RenewLeaseRequest>,
    ) -> Answer<wire::RenewLeaseResponse> {
        let ask = read::renew(request.get_ref(), &self.rules).map_err(refused)?;
        let renewed = lease::renew(&self.commits, ask).await.map_err(refused)?;
        Ok(Response::new(write::renewed(&renewed)))
    }

    async fn return_lease(
        &self,
        request: Request<wire::ReturnLeaseRequest>,
    ) -> Answer<wire::ReturnLeaseResponse> {
        let ask = read::give_back(request.get_ref()).map_err(refused)?;
        let freed = lease::give_back(&self.commits, ask)
            .await
            .map_err(refused)?;
        Ok(Response::new(wire::ReturnLeaseResponse {
            freed_nano_usd: freed.get(),
        }))
    }

    async fn get_request(
        &self,
        request: Request<wire::GetRequestRequest>,
    ) -> Answer<wire::GetRequestResponse> {
        let ask = read::lookup(&request.into_inner()).map_err(refused)?;
        let request_id = ask.request_id;
        let account = lookup::request(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(write::account(request_id, account)))
    }

    async fn get_summary(
        &self,
        request: Request<wire::GetSummaryRequest>,
    ) -> Answer<wire::GetSummaryResponse> {
        let ask = summary::ask(&request.into_inner(), &self.rules).map_err(refused)?;
        let sums = sums::sum_up(&self.store, ask).await.map_err(refused)?;
        let baseline = self.rules.baseline_model.as_ref();
        Ok(Response::new(summary::told(&sums, baseline)))
    }

    async fn list_budgets(
        &self,
        request: Request<wire::ListBudgetsRequest>,
    ) -> Answer<wire::ListBudgetsResponse> {
        let project = read::list_budgets(&request.into_inner()).map_err(refused)?;
        let budgets = lookup::budgets(&self.store, project).await;
        let budgets = budgets.map_err(refused)?;
        Ok(Response::new(wire::ListBudgetsResponse {
            budgets: budgets.iter().map(write::budget).collect(),
        }))
    }

    async fn list_usage(
        &self,
        request: Request<wire::ListUsageRequest>,
    ) -> Answer<wire::ListUsageResponse> {
        let ask = usage::list(&request.into_inner(), &self.rules).map_err(refused)?;
        let page = rows::list(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(usage::page(page)))
    }

    type ExportUsageStream = BoxStream<'static, Result<wire::ExportUsageResponse, Status>>;

    async fn export_usage(
        &self,
        request: Request<wire::ExportUsageRequest>,
    ) -> Answer<Self::ExportUsageStream> {
        let ask = usage::export(&request.into_inner(), &self.rules).map_err(refused)?;
        let batches = rows::export(&self.store, ask).await.map_err(refused)?;
        Ok(Response::new(usage::batches(batches)))
    }

    async fn verify(&self, _request: Request<wire::VerifyRequest>) -> Answer<wire::VerifyResponse> {
        let checked = verify::verify(&self.store).await.map_err(refused)?;
        Ok(Response::new(wire::VerifyResponse {
            checks: checked.into_iter().map(write::checked).collect(),
        }))
    }

    type WatchAlertsStream = BoxStream<'static, Result<wire::WatchAlertsResponse, Status>>;

    async fn watch_alerts(
        &self,
        request: Request<wire::WatchAlertsRequest>,
    ) -> Answer<Self::WatchAlertsStream> {
        let ask = read::watch_alerts(&request.into_inner()).map_err(refused)?;
        let watching = alerts::watch(self.store.clone(), ask).await;
        let alerts = watching.map_err(refused)?;
        let alerts = alerts.map(|alert| match alert {
            Ok(alert) => Ok(write::alert(&alert)),
            Err(failure) => Err(refused(failure)),
        });
        Ok(Response::new(alerts.boxed()))
    }
}
