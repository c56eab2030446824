//! Open streams: a few at any time, each slow enough to be there when its server is asked to stop.

use std::time::Duration;

use futures::future::join_all;
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_proto::router::v1::{RouteRequest, RouteStreamRequest};
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What the model answers slowly.
pub(super) const SLOWLY: &str = "slowly";
/// Streams at any time.
const STREAMS: usize = 4;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Before another one is opened where one was cut.
const PAUSE: Duration = Duration::from_millis(300);

/// What became of streams.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    /// Those that came to their end.
    pub(super) whole: usize,
    /// Why others did not.
    pub(super) cut: Vec<String>,
}

/// Opens one after another until told to stop, and waits for the end of each.
pub(super) async fn watch(link: Link, stop: CancellationToken) -> Streams {
    let watcher = |_| async {
        let mut own = Streams::default();
        while !stop.is_cancelled() {
            match one(&link).await {
                Ok(()) => own.whole += 1,
                Err(why) => {
                    own.cut.push(why);
                    sleep(PAUSE).await;
                }
            }
        }
        own
    };
    let all = join_all((0..STREAMS).map(watcher)).await;
    all.into_iter().fold(Streams::default(), |mut sum, one| {
        sum.whole += one.whole;
        sum.cut.extend(one.cut);
        sum
    })
}

async fn one(link: &Link) -> Result<(), String> {
    let text = format!("Name the capital of France, {SLOWLY}.");
    let request = RouteStreamRequest {
        request: Some(RouteRequest {
            messages: vec![text_message(Role::User, &text)],
            ..RouteRequest::default()
        }),
        ..RouteStreamRequest::default()
    };
    let message = request_within(request, Deadline::within(PATIENCE));
    let opened = RouterServiceClient::new(link.clone())
        .route_stream(message)
        .await;
    let mut events = opened.map_err(|status| status.to_string())?.into_inner();
    let mut answered = false;
    while let Some(event) = events
        .message()
        .await
        .map_err(|status| status.to_string())?
    {
        answered |= matches!(event.event, Some(Event::Completed(_)));
    }
    match answered {
        true => Ok(()),
        false => Err("it ended without its answer".to_owned()),
    }
}
