//! A whole Terrace in one process in front of the stub, and calls of its services.

use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_domain::RequestId;
use terrace_proto::common::v1::{AttemptOutcome, FinishReason, Message, Role};
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::JudgeRequest;
use terrace_proto::judge::v1::judge_service_client::JudgeServiceClient;
use terrace_proto::ledger::v1 as ledger;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_proto::router::v1::{CommitMode, ListModelsRequest, RouteRequest, RouteStreamRequest};
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_testkit::{Process, TestDatabase};
use tokio::time::Instant;

use crate::clock;
use crate::gateway::program;

const START: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(60);
/// What the line that tells the address begins with.
const READY: &str = "ready ";
/// The same of the edge's.
const EDGE: &str = "edge ";

/// `terrace up`; killed when dropped.
pub(crate) struct Terrace {
    process: Process,
    url: String,
    edge: String,
    _database: TestDatabase,
    _folder: TempDir,
}

impl Terrace {
    /// Starts one over a database of its own and a backend at `address`.
    ///
    /// # Errors
    /// The program is not built, or does not start.
    pub(crate) async fn start(address: &str) -> anyhow::Result<Self> {
        let (database, folder) = (TestDatabase::create(), TempDir::new()?);
        let config = folder.path().join("terrace.yaml");
        std::fs::write(
            &config,
            format!(
                "tiers:\n  local_fast:\n    models: [{{name: m, backend: stub}}]\n\
                 backends:\n  stub: {{kind: openai, url: 'http://{address}/v1'}}\n\
                 routing: {{quality_threshold: 0.1}}\n"
            ),
        )?;
        let config = config.to_string_lossy().into_owned();
        let args = ["up", "--config", &config, "--listen", "127.0.0.1:0"];
        let environment = [("TERRACE__LEDGER__DATABASE_URL", database.url())];
        let process = Process::start(&program("terrace", "terrace-cli")?, args, environment)?;
        let line = process
            .wait_for_line(|line| line.starts_with(READY), START)
            .await;
        let line = line.with_context(|| process.stderr().join("\n"))?;
        // The report is printed before the line that says ready.
        let edge = process
            .wait_for_line(|line| line.starts_with(EDGE), START)
            .await;
        let edge = edge.context("there is no edge")?;
        let mut words = edge.split_whitespace();
        let edge = words
            .find_map(|word| word.strip_prefix("http://"))
            .context("no address")?;
        Ok(Self {
            url: line.trim_start_matches(READY).trim().to_owned(),
            edge: edge.to_owned(),
            process,
            _database: database,
            _folder: folder,
        })
    }

    /// A caller with a connection of its own.
    ///
    /// # Errors
    /// Its address is none.
    pub(crate) fn caller(&self) -> anyhow::Result<Caller> {
        Ok(Caller(Link::network("terrace", &self.url)?))
    }

    /// Where its edge listens, as `127.0.0.1:7680`.
    pub(crate) fn edge(&self) -> &str {
        &self.edge
    }

    /// The process.
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
}

/// When the parts of an answer came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    /// Its first chunk, after the call was made.
    pub(crate) first_after_asking: Duration,
    /// Its first chunk, after the backend wrote its first piece.
    pub(crate) first: Duration,
    /// Its last chunk, after the backend wrote its last piece.
    pub(crate) last: Duration,
}

/// A connection to a Terrace.
pub(crate) struct Caller(Link);

impl Caller {
    /// Makes a streamed call and reads it to its end; gives the answer's text too.
    ///
    /// # Errors
    /// The call failed, or did not pass.
    pub(crate) async fn stream(&self, mode: CommitMode) -> anyhow::Result<(Came, String)> {
        let request = RouteStreamRequest {
            request: Some(RouteRequest {
                messages: question(),
                ..RouteRequest::default()
            }),
            commit_mode: mode.into(),
            prefix_tokens: 0,
        };
        let asked = clock::nanos();
        let mut router = RouterServiceClient::new(self.0.clone());
        let request = request_within(request, Deadline::within(CALL));
        let mut events = router.route_stream(request).await?.into_inner();
        let (mut text, mut moments, mut passed) = (String::new(), Vec::new(), false);
        while let Some(event) = events.message().await? {
            match event.event {
                Some(Event::Chunk(chunk)) if !chunk.text.is_empty() => {
                    moments.push(clock::nanos());
                    text.push_str(&chunk.text);
                }
                Some(Event::Completed(response)) => passed = response.passed,
                _ => {}
            }
        }
        anyhow::ensure!(passed, "the stub's answer did not pass: {text:?}");
        let (first, last) = moments.first().zip(moments.last()).context("no chunk")?;
        let mut words = text.split_whitespace();
        let since = |stamp: Option<&str>, moment: &u64| {
            stamp
                .and_then(|stamp| clock::between(stamp, *moment))
                .context("no stamp")
        };
        let came = Came {
            first_after_asking: Duration::from_nanos(first.saturating_sub(asked)),
            first: since(words.next(), first)?,
            last: since(words.next_back(), last)?,
        };
        Ok((came, text))
    }

    /// Makes a whole call; tells how long that took.
    ///
    /// # Errors
    /// The call failed, or did not pass.
    pub(crate) async fn route(&self) -> anyhow::Result<Duration> {
        let request = RouteRequest {
            messages: question(),
            ..RouteRequest::default()
        };
        let asked = Instant::now();
        let mut router = RouterServiceClient::new(self.0.clone());
        let answer = router
            .route(request_within(request, Deadline::within(CALL)))
            .await?;
        let took = asked.elapsed();
        anyhow::ensure!(answer.get_ref().passed, "the stub's answer did not pass");
        Ok(took)
    }

    /// Asks for the list of models; tells how long that took.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn models(&self) -> anyhow::Result<Duration> {
        let request = request_within(ListModelsRequest {}, Deadline::within(CALL));
        let asked = Instant::now();
        let mut router = RouterServiceClient::new(self.0.clone());
        router.list_models(request).await?;
        Ok(asked.elapsed())
    }

    /// Has an answer judged, as the orchestrator does; tells how long that took.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn judge(&self, text: &str) -> anyhow::Result<Duration> {
        let request = JudgeRequest {
            messages: question(),
            output: Some(text_message(Role::Assistant, text)),
            finish_reason: FinishReason::Stop.into(),
            threshold: 0.1,
            ..JudgeRequest::default()
        };
        let asked = Instant::now();
        let mut judge = JudgeServiceClient::new(self.0.clone());
        judge
            .judge(request_within(request, Deadline::within(CALL)))
            .await?;
        Ok(asked.elapsed())
    }

    /// Settles a free step and closes its request, as the orchestrator does; tells how long that
    /// took.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn settle(&self) -> anyhow::Result<Duration> {
        let [tier, backend, model] = ["local_fast", "stub", "m"].map(str::to_owned);
        let target = ledger::StepTarget {
            tier: tier.clone(),
            backend: backend.clone(),
            model: model.clone(),
        };
        let request = ledger::SettleRequest {
            request_id: RequestId::generate().to_string(),
            project: "default".to_owned(),
            steps: vec![ledger::StepSettlement {
                step: "attempt/0".to_owned(),
                target: Some(target),
                outcome: AttemptOutcome::Accepted.into(),
                ..ledger::StepSettlement::default()
            }],
            close: Some(ledger::RequestClose {
                outcome: ledger::RequestOutcome::Passed.into(),
                tier,
                backend,
                model,
                ..ledger::RequestClose::default()
            }),
            ..ledger::SettleRequest::default()
        };
        let asked = Instant::now();
        let mut books = LedgerServiceClient::new(self.0.clone());
        books
            .settle(request_within(request, Deadline::within(CALL)))
            .await?;
        Ok(asked.elapsed())
    }
}

/// What every call asks.
pub(crate) const QUESTION: &str = "Please explain monads to me.";

fn question() -> Vec<Message> {
    vec![text_message(Role::User, QUESTION)]
}
