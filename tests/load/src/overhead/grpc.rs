//! A caller over gRPC: the same question by Terrace's own rpcs.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use terrace_proto::common::v1::Role;
use terrace_proto::convert::{text_message, text_of_parts};
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_proto::router::v1::{CommitMode, RouteRequest, RouteStreamRequest};
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use tokio::time::Instant;

use super::caller::Streamed;
use super::words;

const CALL: Duration = Duration::from_secs(60);

/// A connection to a router.
#[derive(Debug)]
pub(crate) struct Caller {
    router: RouterServiceClient<Link>,
    expected: String,
}

impl Caller {
    /// # Errors
    /// The address is none.
    pub(crate) fn connect(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            router: RouterServiceClient::new(Link::network("terrace", url)?),
            expected: words::answer(words::TOKENS),
        })
    }

    /// # Errors
    /// The call failed, or gave another text.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<()> {
        let request = request_within(question(), Deadline::within(CALL));
        let answer = self.router.route(request).await?.into_inner();
        let output = answer.output.context("no output")?;
        ensure!(text_of_parts(&output) == self.expected, "another text came");
        Ok(())
    }

    /// # Errors
    /// The call failed, or had no text or no end.
    pub(crate) async fn stream(&mut self) -> anyhow::Result<Streamed> {
        let request = RouteStreamRequest {
            request: Some(question()),
            commit_mode: CommitMode::Prefix.into(),
            prefix_tokens: 1,
        };
        let asked = Instant::now();
        let request = request_within(request, Deadline::within(CALL));
        let mut came = self.router.route_stream(request).await?.into_inner();
        let (mut first, mut events, mut text, mut ended) = (None, 0, 0, false);
        while let Some(event) = came.message().await? {
            match event.event {
                Some(Event::Chunk(chunk)) if !chunk.text.is_empty() => {
                    first.get_or_insert_with(|| asked.elapsed());
                    events += 1;
                    text += chunk.text.len();
                }
                Some(Event::Completed(_)) => ended = true,
                _ => {}
            }
        }
        ensure!(ended, "the stream has no end");
        let first = first.context("the stream has no text")?;
        Ok(Streamed {
            first,
            events,
            text,
        })
    }
}

fn question() -> RouteRequest {
    let [(_, system), (_, question)] = words::messages();
    RouteRequest {
        messages: vec![
            text_message(Role::System, system),
            text_message(Role::User, question),
        ],
        ..RouteRequest::default()
    }
}
