//! The calling side: whom it trusts, and what it shows.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use terrace_config::Tls;

use super::files::{self, Contents, File};
use super::fresh::Fresh;
use super::refusal::Keys;
use super::{Error, provider};

/// What gRPC needs of TLS.
const HTTP2: &[u8] = b"h2";

/// Whom a caller trusts and what it shows.
#[derive(Debug)]
pub struct Client {
    config: Fresh<ClientConfig>,
    keys: Keys,
}

/// The always same certificate, as long as a config lives.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Client {
    /// As the config says; `None` where it says nothing of TLS.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn from_config(tls: &Tls) -> Result<Option<Self>, Error> {
        let Some(files) = &tls.files else {
            return Ok(None);
        };
        let ca = File::new("tls.ca_file", &files.ca);
        let cert = File::new("tls.cert_file", &files.cert);
        let key = File::new("tls.key_file", &files.key);
        Self::open(Some(ca), Some((cert, key)), tls.reload_interval).map(Some)
    }

    /// Trusts the authorities in `ca`, else those that browsers trust, and shows the certificate
    /// of `identity`, else none.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn open(
        ca: Option<File>,
        identity: Option<(File, File)>,
        reload_interval: Duration,
    ) -> Result<Self, Error> {
        let keys = Keys {
            ca: "tls.ca_file",
            cert: "tls.cert_file",
            is_public: ca.is_none(),
            shows: identity.is_some(),
        };
        let (cert, key) = identity.unzip();
        let given = [ca.clone(), cert.clone(), key.clone()];
        let files = given.into_iter().flatten().collect();
        let fresh = Fresh::open(files, reload_interval, move |contents: &Contents| {
            let (roots, next) = match &ca {
                Some(ca) => (ca.roots(contents.at(0))?, 1),
                None => (public_roots(), 0),
            };
            let shown = cert.as_ref().zip(key.as_ref()).map(|(cert, key)| {
                let cert = (cert, contents.at(next));
                files::identity(cert, (key, contents.at(next + 1)))
            });
            config(roots, shown.transpose()?)
        })?;
        Ok(Self {
            config: fresh,
            keys,
        })
    }

    /// Reads the paths of a command line.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub fn from_flags(
        ca: Option<PathBuf>,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> Result<Self, Error> {
        let ca = ca.map(|path| File::new("--ca", path));
        let identity =
            identity.map(|(cert, key)| (File::new("--cert", cert), File::new("--cert-key", key)));
        let mut client = Self::open(ca, identity, Duration::from_secs(10))?;
        client.keys.ca = "--ca";
        client.keys.cert = "--cert";
        Ok(client)
    }

    pub(crate) fn current(&self) -> Arc<ClientConfig> {
        self.config.current()
    }

    /// What kept TLS from being spoken, and what to do; none where the error is about something
    /// else.
    pub(crate) fn refusal(&self, error: &(dyn StdError + 'static)) -> Option<String> {
        self.keys.tell(error)
    }

    /// What may be wrong where a connection broke and nobody said why.
    pub(crate) fn doubt(&self) -> String {
        self.keys.doubt()
    }
}

fn config(
    roots: Arc<RootCertStore>,
    shown: Option<Arc<CertifiedKey>>,
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(Shown(shown))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

fn public_roots() -> Arc<RootCertStore> {
    Arc::new(RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    })
}
