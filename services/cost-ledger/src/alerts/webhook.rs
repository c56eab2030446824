//! The webhook over HTTP: one POST, one answer, no redirects.
//!
//! The one outgoing HTTP call of the ledger. It uses the client that the gRPC stack brings along,
//! with rustls and ring; the address is the operator's alone.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};
use terrace_config::AlertWebhook;
use time::OffsetDateTime;

use super::{Raised, message};
use crate::error::StartError;

/// Where alerts are sent to.
#[derive(Clone)]
pub(crate) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    secret: Option<SecretString>,
    timeout: Duration,
    pub(super) give_up_after: Duration,
}

impl std::fmt::Debug for Webhook {
    /// Without the address, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSent {
    #[error("the receiver answered {0}")]
    Refused(http::StatusCode),
    #[error("the receiver cannot be reached")]
    Unreachable,
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the message cannot be written")]
    Unsendable,
}

impl Webhook {
    /// The webhook of the config, if it has one.
    ///
    /// # Errors
    /// The config names a place for the address or the secret where there is none.
    pub(crate) fn from_config(config: &AlertWebhook) -> Result<Option<Self>, StartError> {
        for secret in [&config.url, &config.secret] {
            if let Some(source) = secret.missing() {
                return Err(StartError::Webhook(format!("there is nothing in {source}")));
            }
        }
        let Some(url) = config.url.value() else {
            return Ok(None);
        };
        let url: Uri = url
            .expose_secret()
            .parse()
            .map_err(|_| StartError::Webhook("its address is no URL".to_owned()))?;
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| StartError::Webhook(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Some(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url,
            secret: config.secret.value().cloned(),
            timeout: config.timeout,
            give_up_after: config.give_up_after,
        }))
    }

    /// The longest that one message may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends one alert.
    pub(super) async fn send(&self, alert: &Raised) -> Result<(), NotSent> {
        let request = self.request(alert)?;
        let answer = tokio::time::timeout(self.timeout, self.client.request(request)).await;
        let answer = answer.map_err(|_| NotSent::Timeout(self.timeout))?;
        // Its text may have the address in it.
        let answer = answer.map_err(|_| NotSent::Unreachable)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotSent::Refused(status)),
        }
    }

    fn request(&self, alert: &Raised) -> Result<Request<Full<Bytes>>, NotSent> {
        let body = message::body(alert);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("terrace/", env!("CARGO_PKG_VERSION")),
            )
            .header("terrace-alert-id", alert.alert_id.to_string());
        if let Some(secret) = &self.secret {
            let now = OffsetDateTime::now_utc();
            let signature = message::signature(secret.expose_secret(), now, &body);
            request = request.header("terrace-signature", signature);
        }
        let body = Full::new(Bytes::from(body));
        request.body(body).map_err(|_| NotSent::Unsendable)
    }
}
