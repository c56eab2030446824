//! Owns what has to be flushed before the process ends.
//!
//! The order at the end of a process is: last request, last task, then [`Guard::shutdown`].
//! Spans that end later are lost, so nothing may come after it. Metrics are pulled and need no
//! flush.

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;

/// How long a collector that does not answer may hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps spans flowing; flushes them by [`Guard::shutdown`].
#[derive(Debug)]
#[must_use = "spans that are not flushed are lost: keep the guard and call its shutdown"]
pub struct Guard {
    tracer_provider: SdkTracerProvider,
}

impl Guard {
    pub(crate) const fn new(tracer_provider: SdkTracerProvider) -> Self {
        Self { tracer_provider }
    }

    /// Sends what is left to the collector and stops, within a few seconds in any case.
    ///
    /// The provider blocks while its exporter needs the runtime, so it is stopped on a thread of
    /// its own: on the caller's it would wait for itself until its time-out and lose the spans.
    pub async fn shutdown(self) {
        let provider = self.tracer_provider;
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE));
        match tokio::time::timeout(PATIENCE, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "spans could not be flushed"),
            Ok(Err(_)) | Err(_) => tracing::warn!("spans were not flushed in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Settings, span_layer, tracer_provider};
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
        TraceService, TraceServiceServer,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
    };
    use tokio::sync::mpsc;
    use tokio::time::Instant;
    use tonic::transport::Server;
    use tonic::transport::server::TcpIncoming;
    use tonic::{Request, Response, Status};
    use tracing_subscriber::layer::SubscriberExt;

    struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

    #[tonic::async_trait]
    impl TraceService for Collector {
        async fn export(
            &self,
            request: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, Status> {
            self.0.send(request.into_inner()).unwrap();
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    fn guard_for(address: std::net::SocketAddr) -> Guard {
        let provider = tracer_provider(&Settings {
            otlp_endpoint: Some(format!("http://{address}")),
            ..Settings::default()
        });
        let guard = Guard::new(provider.unwrap());
        let layer = span_layer(&guard.tracer_provider);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info_span!(target: "terrace_test", "the last span");
        });
        guard
    }

    /// On one thread, where a flush that blocks it would wait for itself.
    #[tokio::test]
    async fn the_last_span_reaches_the_collector() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let guard = guard_for(listener.local_addr().unwrap());
        let (sender, mut received) = mpsc::unbounded_channel();
        let collector = Server::builder()
            .add_service(TraceServiceServer::new(Collector(sender)))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::select! {
            ended = collector => ended.unwrap(),
            () = guard.shutdown() => {}
        }
        let request = received.try_recv().unwrap();
        let name = &request.resource_spans[0].scope_spans[0].spans[0].name;
        assert_eq!(name, "the last span");
    }

    #[tokio::test]
    async fn a_collector_that_is_not_there_does_not_hold_up_the_end() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let began = Instant::now();
        guard_for(address).shutdown().await;
        assert!(began.elapsed() < PATIENCE + Duration::from_secs(2));
    }
}
