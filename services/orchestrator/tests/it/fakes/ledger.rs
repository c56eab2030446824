//! A ledger that agrees to everything and knows no earlier request until told otherwise.

use terrace_domain::Reason;
use terrace_proto::ledger::v1::ledger_service_server::LedgerService;
use terrace_proto::ledger::v1::{
    AcquireLeaseRequest, AcquireLeaseResponse, ExportUsageRequest, ExportUsageResponse,
    ExtendRequest, ExtendResponse, GetRequestRequest, GetRequestResponse, GetSummaryRequest,
    GetSummaryResponse, ListBudgetsRequest, ListBudgetsResponse, ListUsageRequest,
    ListUsageResponse, ReleaseRequest, ReleaseResponse, RenewLeaseRequest, RenewLeaseResponse,
    RequestClose, ReserveRequest, ReserveResponse, ReturnLeaseRequest, ReturnLeaseResponse,
    SettleRequest, SettleResponse, StepSettlement, VerifyRequest, VerifyResponse,
    WatchAlertsRequest, WatchAlertsResponse,
};
use tonic::{Request, Response, Status};

use super::{Answer, Rpc, fails, uncalled};

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) reserve: Rpc<ReserveRequest, ReserveResponse>,
    pub(crate) settle: Rpc<SettleRequest, SettleResponse>,
    pub(crate) find: Rpc<GetRequestRequest, GetRequestResponse>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            reserve: Rpc::new(Answer::Says(ReserveResponse::default())),
            settle: Rpc::new(Answer::Says(SettleResponse::default())),
            find: Rpc::new(fails(Reason::NotFound)),
        }
    }

    /// Every step that was sent for settlement, in order.
    pub(crate) fn rows(&self) -> Vec<StepSettlement> {
        let settlements = self.settle.seen();
        settlements
            .into_iter()
            .flat_map(|seen| seen.message.steps)
            .collect()
    }

    /// Every close that was sent, in order.
    pub(crate) fn closes(&self) -> Vec<RequestClose> {
        let settlements = self.settle.seen();
        settlements
            .into_iter()
            .filter_map(|seen| seen.message.close)
            .collect()
    }
}

#[tonic::async_trait]
impl LedgerService for Ledger {
    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        self.reserve.answer(request).await
    }

    async fn settle(
        &self,
        request: Request<SettleRequest>,
    ) -> Result<Response<SettleResponse>, Status> {
        self.settle.answer(request).await
    }

    async fn get_request(
        &self,
        request: Request<GetRequestRequest>,
    ) -> Result<Response<GetRequestResponse>, Status> {
        self.find.answer(request).await
    }

    async fn extend(&self, _: Request<ExtendRequest>) -> Result<Response<ExtendResponse>, Status> {
        uncalled()
    }

    async fn release(
        &self,
        _: Request<ReleaseRequest>,
    ) -> Result<Response<ReleaseResponse>, Status> {
        uncalled()
    }

    async fn acquire_lease(
        &self,
        _: Request<AcquireLeaseRequest>,
    ) -> Result<Response<AcquireLeaseResponse>, Status> {
        uncalled()
    }

    async fn renew_lease(
        &self,
        _: Request<RenewLeaseRequest>,
    ) -> Result<Response<RenewLeaseResponse>, Status> {
        uncalled()
    }

    async fn return_lease(
        &self,
        _: Request<ReturnLeaseRequest>,
    ) -> Result<Response<ReturnLeaseResponse>, Status> {
        uncalled()
    }

    async fn get_summary(
        &self,
        _: Request<GetSummaryRequest>,
    ) -> Result<Response<GetSummaryResponse>, Status> {
        uncalled()
    }

    async fn list_budgets(
        &self,
        _: Request<ListBudgetsRequest>,
    ) -> Result<Response<ListBudgetsResponse>, Status> {
        uncalled()
    }

    async fn list_usage(
        &self,
        _: Request<ListUsageRequest>,
    ) -> Result<Response<ListUsageResponse>, Status> {
        uncalled()
    }

    type ExportUsageStream = tokio_stream::Empty<Result<ExportUsageResponse, Status>>;

    async fn export_usage(
        &self,
        _: Request<ExportUsageRequest>,
    ) -> Result<Response<Self::ExportUsageStream>, Status> {
        uncalled()
    }

    type WatchAlertsStream = tokio_stream::Empty<Result<WatchAlertsResponse, Status>>;

    async fn watch_alerts(
        &self,
        _: Request<WatchAlertsRequest>,
    ) -> Result<Response<Self::WatchAlertsStream>, Status> {
        uncalled()
    }

    async fn verify(&self, _: Request<VerifyRequest>) -> Result<Response<VerifyResponse>, Status> {
        uncalled()
    }
}
