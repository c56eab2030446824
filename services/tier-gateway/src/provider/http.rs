//! The HTTP client of one backend: its address, its key, its limits, and what a status means.
//!
//! The address comes from the config alone; redirects and proxy variables are not followed, and names
//! do not lead to link-local addresses, so no answer and no environment can send a prompt, or a key,
//! anywhere else.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;
use terrace_config::{Backend, BackendKind, Url};
use terrace_runtime::PerLane;
use tokio::time::timeout;

use super::complaint::Complaint;
use super::resolve::{LinkLocal, Resolver};
use super::retry_after::retry_after;
use crate::endpoints::{Keyring, OVER_QUOTA, REFUSED, Sent};
use crate::error::{Fault, Wait};

/// Servers of models on plain HTTP close idle connections after 5 s; a call that is sent just
/// then fails for nothing, so ours are closed first.
const PLAIN_IDLE: Duration = Duration::from_secs(3);

/// How much of a refusal is read to learn its class.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// How long the rest of a refusal, or a list of models, may take.
const SHORT_ANSWER: Duration = Duration::from_secs(5);

/// A client for one backend.
pub(crate) struct Http {
    /// `None` on a system that cannot check certificates: calls fail, and say so.
    client: Option<PerLane<Client>>,
    base: String,
    kind: BackendKind,
    keys: Arc<Keyring>,
    connect_timeout: Duration,
    max_response_bytes: u64,
}

fn builder(resolver: Resolver, is_plain: bool, connect_timeout: Duration) -> ClientBuilder {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .dns_resolver(resolver)
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true);
    match is_plain {
        // Without this the client wants the system's certificates even for plain HTTP, and a
        // minimal image has none.
        true => builder
            .tls_certs_only([])
            .pool_idle_timeout(PLAIN_IDLE)
            .http1_only(),
        false => builder,
    }
}

impl Http {
    /// Makes the client; connects at the first call.
    ///
    /// A minimal system has no certificates to check an `https` backend with. That is this
    /// backend's misfortune and no reason to start none of the others, so it is no error here.
    pub(crate) fn new(backend: &Backend, url: &Url, keys: &Arc<Keyring>) -> reqwest::Result<Self> {
        Self::with(Resolver::system(), backend, url, keys)
    }

    fn with(
        resolver: Resolver,
        backend: &Backend,
        url: &Url,
        keys: &Arc<Keyring>,
    ) -> reqwest::Result<Self> {
        // A provider may be installed already, by another gateway of this process: the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (is_plain, connect_timeout) = (url.scheme() == "http", backend.connect_timeout);
        let make = move || builder(resolver, is_plain, connect_timeout).build();
        let client = match PerLane::new(make) {
            Err(error) if !is_plain => {
                tracing::warn!(backend = %backend.name, error = %causes(&error), "no TLS");
                None
            }
            built => Some(built?),
        };
        Ok(Self {
            client,
            base: url.as_str().trim_end_matches('/').to_owned(),
            kind: backend.kind,
            keys: Arc::clone(keys),
            connect_timeout: backend.connect_timeout,
            max_response_bytes: backend.max_response_bytes.get(),
        })
    }

    /// The most bytes that an answer may have.
    pub(crate) const fn max_response_bytes(&self) -> u64 {
        self.max_response_bytes
    }

    /// Posts `body` and returns the answer once its head is there and says 200.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Response, Fault> {
        let url = format!("{}{path}", self.base);
        self.send(self.client()?.post(url).json(body)).await
    }

    /// Posts `body` and reads a JSON answer.
    pub(crate) async fn post_json(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Value, Fault> {
        let response = self.post(path, body).await?;
        self.json(response).await
    }

    async fn json(&self, mut response: Response) -> Result<Value, Fault> {
        let limit = usize::try_from(self.max_response_bytes).unwrap_or(usize::MAX);
        let body = read(&mut response, limit).await?;
        serde_json::from_slice(&body).map_err(|_| Fault::Malformed {
            offset: 0,
            what: "no JSON",
        })
    }

    /// Gets a short JSON answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Fault> {
        let request = self.client()?.get(format!("{}{path}", self.base));
        self.short(request).await
    }

    /// Gets a short JSON answer of the server's own, beside the API.
    pub(crate) async fn get_beside(&self, path: &str) -> Result<Value, Fault> {
        let request = self.client()?.get(format!("{}{path}", self.root()));
        self.short(request).await
    }

    /// Whether a page of the server's own answers with 200; what is on it does not matter.
    pub(crate) async fn check_beside(&self, path: &str) -> Result<(), Fault> {
        let request = self.client()?.get(format!("{}{path}", self.root()));
        let checked = timeout(SHORT_ANSWER, self.send(request)).await;
        checked.unwrap_or_else(|_| Err(late())).map(drop)
    }

    /// Where the server begins: its API is under `/v1`.
    fn root(&self) -> &str {
        self.base.strip_suffix("/v1").unwrap_or(&self.base)
    }

    /// Posts `body` and gets a short JSON answer.
    pub(crate) async fn ask(&self, path: &str, body: &impl Serialize) -> Result<Value, Fault> {
        let request = self.client()?.post(format!("{}{path}", self.base));
        self.short(request.json(body)).await
    }

    async fn short(&self, request: RequestBuilder) -> Result<Value, Fault> {
        let whole = async {
            let response = self.send(request).await?;
            self.json(response).await
        };
        let answer = timeout(SHORT_ANSWER, whole).await;
        answer.unwrap_or_else(|_| Err(late()))
    }

    fn client(&self) -> Result<&Client, Fault> {
        let client = self.client.as_ref().map(PerLane::get);
        client.ok_or(Fault::NoCertificates)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let key = self.keys.current();
        let request = request.headers(headers(self.kind, key.as_ref()));
        let response = request.send().await.map_err(|error| self.unsent(&error))?;
        match response.status().as_u16() {
            200 => Ok(response),
            status => {
                let after = retry_after(response.headers());
                if let Some(key) = key {
                    self.rest(&key, status, after);
                }
                Err(refusal(status, response).await)
            }
        }
    }

    /// Lets a key rest that the backend does not take now.
    fn rest(&self, key: &Sent, status: u16, after: Option<Duration>) {
        match status {
            401 | 403 => self.keys.rest(key.index, REFUSED),
            402 | 429 => self.keys.rest(key.index, after.unwrap_or(OVER_QUOTA)),
            _ => {}
        }
    }

    /// The fault of a call that got no answer at all.
    fn unsent(&self, error: &reqwest::Error) -> Fault {
        tracing::debug!(error = %causes(error), "call of the backend got no answer");
        if chain(error).any(|cause| cause.is::<LinkLocal>()) {
            return Fault::LinkLocal;
        }
        if error.is_connect() && error.is_timeout() {
            return Fault::Timeout {
                wait: Wait::Connect,
                after: self.connect_timeout,
            };
        }
        if error.is_connect() {
            return Fault::Unreachable;
        }
        Fault::Closed
    }
}

/// The fault of a short answer that did not come.
const fn late() -> Fault {
    Fault::Timeout {
        wait: Wait::FirstToken,
        after: SHORT_ANSWER,
    }
}

/// The version of Anthropic's API that its adapter speaks.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// What every request to a backend carries: the key, in the header that the kind wants.
fn headers(kind: BackendKind, key: Option<&Sent>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let (name, prefix) = match kind {
        BackendKind::Anthropic => {
            headers.insert("anthropic-version", ANTHROPIC_VERSION);
            (HeaderName::from_static("x-api-key"), "")
        }
        BackendKind::OpenAi | BackendKind::Ollama => (AUTHORIZATION, "Bearer "),
    };
    if let Some(value) = key.and_then(|key| secret_value(prefix, &key.value)) {
        headers.insert(name, value);
    }
    headers
}

/// A header's value with a key, marked so that it is never printed. A key with characters that no
/// header can have is no key; the backend will say that none came.
fn secret_value(prefix: &str, key: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a status other than 200 means.
async fn refusal(status: u16, mut response: Response) -> Fault {
    let after = retry_after(response.headers());
    log_refusal(status, response.headers());
    let body = timeout(SHORT_ANSWER, read_some(&mut response)).await;
    let complaint = Complaint::read(&body.unwrap_or_default());
    if matches!(status, 400 | 404 | 413 | 422)
        && let Some(fault) = complaint.named_fault()
    {
        return fault;
    }
    match status {
        300..=399 => Fault::Redirect { status },
        401 | 403 => Fault::Unauthorized { status },
        402 | 429 | 529 => Fault::RateLimited { retry_after: after },
        408 | 500..=599 => Fault::Failed {
            status: Some(status),
            retry_after: after,
        },
        400..=499 => Fault::Rejected { status },
        _ => Fault::Malformed {
            offset: 0,
            what: "an unknown status",
        },
    }
}

fn log_refusal(status: u16, headers: &HeaderMap) {
    let id = headers.get("x-request-id").map(|id| format!("{id:?}"));
    tracing::debug!(http.status = status, backend.request_id = ?id, "backend refused a call");
}

/// Reads a body that may be too long, up to the limit of refusals.
async fn read_some(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        let room = MAX_REFUSAL_BYTES.saturating_sub(body.len());
        body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() >= room {
            break;
        }
    }
    body
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|_| Fault::Broken)? {
        if body.len() + bytes.len() > limit {
            return Err(Fault::TooLarge {
                limit: limit as u64,
            });
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// An error with all that caused it, for the log; reqwest's own text stops at the first.
fn causes(error: &reqwest::Error) -> String {
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// An error and all that caused it.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: &'a (dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::for_testing::settings;
    use crate::provider::resolve;

    #[test]
    fn a_key_is_sent_and_never_printed() {
        let key = Sent {
            index: 0,
            value: SecretString::from("sk-secret"),
        };
        let bearer = headers(BackendKind::OpenAi, Some(&key));
        assert_eq!(bearer[AUTHORIZATION].as_bytes(), b"Bearer sk-secret");
        assert!(!format!("{bearer:?}").contains("sk-secret"));
        let own = headers(BackendKind::Anthropic, Some(&key));
        assert_eq!(own["x-api-key"].as_bytes(), b"sk-secret");
        assert!(!format!("{own:?}").contains("sk-secret"));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_link_local_address_is_not_called() {
        let backend = settings(BackendKind::OpenAi, &["m"]).backend;
        let keys = Arc::new(Keyring::new(&backend));
        let url = "http://models.example/v1".parse().unwrap();
        let http = Http::with(resolve::for_testing::TO_KEYS, &backend, &url, &keys).unwrap();
        assert_eq!(http.get("/models").await, Err(Fault::LinkLocal));
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_not_sent() {
        let key = SecretString::from("sk\nsecret".to_owned());
        assert_eq!(secret_value("", &key), None);
    }
}
