//! The listening side: what it shows, whom it lets connect, and connections out of its socket.
//!
//! Hands are shaken beside each other and within a time, so that a caller which connects and says
//! nothing keeps nobody waiting. A hand that is not shaken ends one connection and goes to the log.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use terrace_config::{ClientCertificate, Config, Part, Tls, TlsFiles};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::files::{self, Contents, File};
use super::fresh::Fresh;
use super::stream::Stream;
use super::{Error, provider};

/// How long a caller may take to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is spoken inside of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// gRPC.
    Http2,
    /// HTTP/1.1 and HTTP/2.
    AnyHttp,
}

/// How a server is secured, as the config says; nothing is read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// The certificate, its key and whom it trusts. Absent: plain text.
    pub files: Option<TlsFiles>,
    /// How often the files are looked at again.
    pub reload_interval: Duration,
    /// Whether plain text may be spoken on an address that is not on loopback.
    pub allow_plaintext: bool,
    /// Whether callers have to show a certificate.
    pub client_certificate: ClientCertificate,
    /// The names of those who may call; absent: everybody whom the authority knows.
    pub allowed_callers: Option<Vec<String>>,
}

/// What a server shows and asks for.
#[derive(Debug)]
pub struct Server(Fresh<ServerConfig>);

impl Default for Security {
    fn default() -> Self {
        Self::of(&Tls::default(), Part::Orchestrator)
    }
}

impl Security {
    /// How the config secures one kind of service.
    #[must_use]
    pub fn from_config(config: &Config, part: Part) -> Self {
        Self::of(&config.tls, part)
    }

    fn of(tls: &Tls, part: Part) -> Self {
        Self {
            files: tls.files.clone(),
            reload_interval: tls.reload_interval,
            allow_plaintext: tls.allow_plaintext,
            client_certificate: *tls.client_certificates.of(part),
            allowed_callers: tls.allowed_callers.of(part).clone(),
        }
    }

    /// Whether it would speak plain text where others than this machine can listen.
    pub(crate) fn is_missing_at(&self, address: SocketAddr) -> bool {
        self.files.is_none() && !self.allow_plaintext && !address.ip().is_loopback()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read or used.
    pub(crate) fn server(&self) -> Result<Option<Arc<Server>>, Error> {
        let Some(files) = &self.files else {
            return Ok(None);
        };
        let ca = File::new("tls.ca_file", &files.ca);
        let cert = File::new("tls.cert_file", &files.cert);
        let key = File::new("tls.key_file", &files.key);
        let asked = Some((ca, self.client_certificate));
        let server = Server::open((cert, key), asked, self.reload_interval, Protocols::Http2)?;
        Ok(Some(Arc::new(server)))
    }
}

impl Server {
    /// Shows the certificate of `identity`; callers are asked for one of the authorities in
    /// `asked`, if that is given.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn open(
        identity: (File, File),
        asked: Option<(File, ClientCertificate)>,
        reload_interval: Duration,
        protocols: Protocols,
    ) -> Result<Self, Error> {
        let (cert, key) = identity;
        let ca = asked.as_ref().map(|(ca, _)| ca.clone());
        let files = [Some(cert.clone()), Some(key.clone()), ca];
        let files = files.into_iter().flatten().collect();
        let fresh = Fresh::open(files, reload_interval, move |contents: &Contents| {
            let shown = files::identity((&cert, contents.at(0)), (&key, contents.at(1)))?;
            let builder = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()?;
            let builder = match &asked {
                None => builder.with_no_client_auth(),
                Some((ca, wanted)) => {
                    let roots = ca.roots(contents.at(2))?;
                    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                    let verifier = match wanted {
                        ClientCertificate::Required => verifier,
                        ClientCertificate::Optional => verifier.allow_unauthenticated(),
                    };
                    let verifier = verifier.build().map_err(|error| Error::Unusable {
                        key: ca.key,
                        path: ca.path.clone(),
                        problem: format!("cannot be used: {error}"),
                    })?;
                    builder.with_client_cert_verifier(verifier)
                }
            };
            let shown = rustls::sign::SingleCertAndKey::from(shown);
            let mut config = builder.with_cert_resolver(Arc::new(shown));
            config.alpn_protocols = match protocols {
                Protocols::Http2 => vec![b"h2".to_vec()],
                Protocols::AnyHttp => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            };
            Ok(Arc::new(config))
        })?;
        Ok(Self(fresh))
    }

    /// Shakes hands on a new connection; `None` where that fails.
    pub async fn accept(&self, connection: TcpStream) -> Option<Stream> {
        let caller = connection.peer_addr().ok();
        let failed = |why: &dyn fmt::Display| {
            tracing::debug!(?caller, %why, "no TLS with a caller");
        };
        let shaking = TlsAcceptor::from(self.0.current()).accept(connection);
        match tokio::time::timeout(PATIENCE, shaking).await {
            Ok(Ok(stream)) => Some(Stream::secure(stream)),
            Ok(Err(error)) => {
                failed(&error);
                None
            }
            Err(late) => {
                failed(&late);
                None
            }
        }
    }
}
