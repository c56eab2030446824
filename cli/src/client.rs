//! The way to a running server: one link, one deadline for each call.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use terrace_domain::{Failure, Reason};
use terrace_proto::classifier::v1::classifier_service_client::ClassifierServiceClient;
use terrace_proto::ledger::v1::account_service_client::AccountServiceClient;
use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::server::MAX_MESSAGE_BYTES;
use terrace_rpc::tls;
use terrace_rpc::{Deadline, Link, Network, deadline};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

use crate::error::Trouble;

/// Calls that ask for no answer of a model are quick.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server that is talked to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    link: Link,
}

impl Client {
    /// Does not connect yet.
    ///
    /// # Errors
    /// `server` is no address, or a certificate cannot be used.
    pub(crate) fn new(server: &str) -> Result<Self, Trouble> {
        let wrong = |text: String| Failure::new(Reason::InvalidRequest, text);
        let network = network(server).map_err(|error| wrong(error.to_string()))?;
        let link = network
            .link("server", server)
            .map_err(|error| wrong(format!("--server: {error}")))?;
        Ok(Self { link })
    }

    /// A client of the orchestrator.
    pub(crate) fn router(&self) -> RouterServiceClient<Link> {
        RouterServiceClient::new(self.link.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// A client of the classifier.
    pub(crate) fn classifier(&self) -> ClassifierServiceClient<Link> {
        ClassifierServiceClient::new(self.link.clone())
    }

    /// A client of the cost-ledger's accounts.
    pub(crate) fn accounts(&self) -> AccountServiceClient<Link> {
        AccountServiceClient::new(self.link.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// A client of the cost-ledger.
    pub(crate) fn ledger(&self) -> LedgerServiceClient<Link> {
        LedgerServiceClient::new(self.link.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
}

/// What every call of this process comes with, once it is known.
static AUTHORIZATION: OnceLock<MetadataValue<Ascii>> = OnceLock::new();

/// Lets every call of this process come with a key. One that no header can hold is none: the server
/// says that it is missing.
pub(crate) fn call_with(key: Option<String>) {
    let value = key.and_then(|key| format!("Bearer {}", key.trim()).parse().ok());
    if let Some(mut value) = value {
        MetadataValue::set_sensitive(&mut value, true);
        // The first stands; there is one command line.
        let _set = AUTHORIZATION.set(value);
    }
}

/// Whom this process trusts, and what it shows, where it speaks TLS.
#[derive(Debug)]
struct Shown {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

static SHOWN: OnceLock<Shown> = OnceLock::new();

/// Lets every https server be checked against the authorities in `ca`, and be shown a certificate
/// with its key.
pub(crate) fn show(ca: Option<PathBuf>, identity: Option<(PathBuf, PathBuf)>) {
    // The first stands; there is one command line.
    let _set = SHOWN.set(Shown { ca, identity });
}

/// How `server` is reached: files are only read where they are of use.
fn network(server: &str) -> Result<Network, tls::Error> {
    let plain = Network::default();
    if !server.starts_with("https://") {
        return Ok(plain);
    }
    let shown = SHOWN.get();
    let ca = shown.and_then(|shown| shown.ca.clone());
    let identity = shown.and_then(|shown| shown.identity.clone());
    Ok(plain.with_tls(tls::Client::from_flags(ca, identity)?))
}

/// A request that is answered soon or not at all.
pub(crate) fn soon<T>(message: T) -> Request<T> {
    within(message, PATIENCE)
}

/// A request that is answered within `time`.
pub(crate) fn within<T>(message: T, time: Duration) -> Request<T> {
    let mut request = deadline::request_within(message, Deadline::within(time));
    if let Some(key) = AUTHORIZATION.get() {
        request.metadata_mut().insert("authorization", key.clone());
    }
    request
}
