//! A ledger process, and questions to it over the network.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use terrace_proto::ledger::v1 as wire;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_rpc::Link;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::server::MAX_MESSAGE_BYTES;
use terrace_testkit::Process;
use tonic::Streaming;

const START: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(600);
/// What the line that tells the address has before it.
const LISTENING: &str = "listening on ";

/// A ledger process; killed when dropped.
pub(crate) struct Ledger {
    process: Process,
    link: Link,
    url: String,
    client: LedgerServiceClient<Link>,
    _folder: TempDir,
}

impl Ledger {
    /// Starts one on a database; `more` is config.
    ///
    /// # Errors
    /// The program is not built, or does not start.
    pub(crate) async fn start(
        program: Option<&PathBuf>,
        database: &str,
        more: &str,
    ) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("terrace-cost-ledger"),
        };
        let folder = TempDir::new()?;
        let config = folder.path().join("terrace.yaml");
        std::fs::write(
            &config,
            "tiers:\n  local_fast:\n    models: [{name: m, backend: b}]\n\
             backends:\n  b: {kind: ollama, url: 'http://127.0.0.1:1'}\n\
             routing:\n  max_deadline: 20m\n\
             ledger:\n  statement_timeout: 5m\n  history: {rollup_interval: 1s}\n"
                .to_owned()
                + more,
        )?;
        let config = config.to_string_lossy().into_owned();
        let args = ["--config", &config, "--listen", "127.0.0.1:0"];
        let environment = [("TERRACE__LEDGER__DATABASE_URL", database)];
        let process = Process::start(&program, args, environment)?;
        let line = process
            .wait_for_line(|line| line.contains(LISTENING), START)
            .await
            .with_context(|| process.stderr().join("\n"))?;
        let (_, url) = line.rsplit_once(LISTENING).context("no address")?;
        let url = url.trim().to_owned();
        let link = Link::network("cost-ledger", &url)?;
        let client =
            LedgerServiceClient::new(link.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self {
            process,
            link,
            url,
            client,
            _folder: folder,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }

    /// A caller with a connection of its own.
    ///
    /// # Errors
    /// Its address is none.
    pub(crate) fn caller(&self) -> anyhow::Result<LedgerServiceClient<Link>> {
        let link = Link::network("cost-ledger", &self.url)?;
        Ok(LedgerServiceClient::new(link))
    }

    pub(crate) async fn summary(
        &self,
        ask: wire::GetSummaryRequest,
    ) -> anyhow::Result<wire::GetSummaryResponse> {
        let ask = request_within(ask, Deadline::within(CALL));
        Ok(self.client.clone().get_summary(ask).await?.into_inner())
    }

    pub(crate) async fn page(&self, filter: &str) -> anyhow::Result<wire::ListUsageResponse> {
        let ask = wire::ListUsageRequest {
            filter: filter.to_owned(),
            ..wire::ListUsageRequest::default()
        };
        let ask = request_within(ask, Deadline::within(CALL));
        Ok(self.client.clone().list_usage(ask).await?.into_inner())
    }

    pub(crate) async fn export(&self) -> anyhow::Result<Streaming<wire::ExportUsageResponse>> {
        let ask = wire::ExportUsageRequest::default();
        let ask = request_within(ask, Deadline::within(CALL));
        Ok(self.client.clone().export_usage(ask).await?.into_inner())
    }
}
