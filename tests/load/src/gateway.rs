//! A gateway process in front of the stub, and calls through it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_proto::common::v1::Role;
use terrace_proto::convert::text_message;
use terrace_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use terrace_proto::gateway::v1::generate_stream_response::Event;
use terrace_proto::gateway::v1::{GenerateStreamRequest, GenerateStreamResponse, Generation};
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::Process;
use tokio::time::Instant;
use tonic::Streaming;

use crate::clock;

const START: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(300);
/// What the line that tells the address has before it.
const LISTENING: &str = "listening on ";
/// Streams on one connection: less than a server allows.
const PER_CONNECTION: usize = 200;

/// When the first piece of an answer came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstPiece {
    /// After the call was made.
    pub(crate) after_asking: Duration,
    /// After the backend wrote it.
    pub(crate) after_writing: Duration,
}

/// A gateway process; killed when dropped.
pub(crate) struct Gateway {
    process: Process,
    url: String,
    _folder: TempDir,
}

impl Gateway {
    /// Starts one in front of a backend at `address` that lets `streams` calls in at once.
    ///
    /// # Errors
    /// The program is not built, or does not start.
    pub(crate) async fn start(address: &str, streams: usize) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let config = folder.path().join("terrace.yaml");
        let places = streams + 8;
        std::fs::write(
            &config,
            format!(
                "tiers:\n  local_fast:\n    models: [{{name: m, backend: stub}}]\n\
                 backends:\n  stub:\n    kind: openai\n    url: http://{address}/v1\n    \
                 max_concurrency: {places}\n    idle_timeout: 10m\n    total_timeout: 10m\n\
                 limits:\n  max_in_flight: {places}\n"
            ),
        )?;
        let config = config.to_string_lossy().into_owned();
        let args = [
            "--backend",
            "stub",
            "--config",
            &config,
            "--listen",
            "127.0.0.1:0",
        ];
        let gateway = program("terrace-tier-gateway", "terrace-tier-gateway")?;
        let process = Process::start(&gateway, args, std::iter::empty::<(&str, &str)>())?;
        let line = process
            .wait_for_line(|line| line.contains(LISTENING), START)
            .await?;
        let url = line
            .rsplit_once(LISTENING)
            .map(|(_, url)| url.trim().to_owned());
        Ok(Self {
            url: url.context("no address")?,
            process,
            _folder: folder,
        })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        self.process.wait(START).await?;
        Ok(())
    }

    /// As many clients as `streams` streams need, each with a connection of its own.
    ///
    /// # Errors
    /// Its address is none.
    pub(crate) fn clients(&self, streams: usize) -> anyhow::Result<Vec<Client>> {
        let link = || {
            Ok(Client(GatewayServiceClient::new(Link::network(
                "tier-gateway",
                &self.url,
            )?)))
        };
        (0..streams.div_ceil(PER_CONNECTION))
            .map(|_| link())
            .collect()
    }
}

/// A program of this workspace, built beside this one.
///
/// # Errors
/// It is not built.
pub(crate) fn program(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().map(|folder| folder.join(name));
    path.filter(|path| path.exists())
        .with_context(|| format!("{name} is not built: cargo build --release -p {package}"))
}

/// A connection to the gateway.
#[derive(Clone)]
pub(crate) struct Client(GatewayServiceClient<Link>);

impl Client {
    /// Makes a call and reads to the first text.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn open(
        &mut self,
        prompt: &str,
    ) -> anyhow::Result<(FirstPiece, Streaming<GenerateStreamResponse>)> {
        let generation = Some(Generation {
            model: "m".into(),
            messages: vec![text_message(Role::User, prompt.to_owned())],
            ..Generation::default()
        });
        let request = GenerateStreamRequest {
            generation,
            gather: None,
        };
        let asked = Instant::now();
        let request = request_within(request, Deadline::within(CALL));
        let mut events = self.0.generate_stream(request).await?.into_inner();
        loop {
            let event = events.message().await?.context("ended without text")?;
            if let Some(Event::Delta(delta)) = event.event {
                let first = FirstPiece {
                    after_writing: clock::since(&delta.text).context("no stamp")?,
                    after_asking: asked.elapsed(),
                };
                return Ok((first, events));
            }
        }
    }

    /// Makes a call and reads it to its end.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn call(&mut self) -> anyhow::Result<FirstPiece> {
        let (first, mut events) = self.open("hi").await?;
        while events.message().await?.is_some() {}
        Ok(first)
    }
}
