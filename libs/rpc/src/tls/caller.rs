//! Who may call: of those whose certificate the authority stands for, the ones whose name the
//! config lists.
//!
//! Asked for each call and not when hands are shaken, so that who is refused is told why. Calls
//! within the process have no certificate and need none; where certificates are optional, a key
//! says who comes without.

use std::future::Future;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use terrace_domain::{Failure, Reason};

use super::stream::Connection;
use crate::layer::{Middleware, Request, Response, is_infrastructure};

/// The names of those who may call one service.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    service: &'static str,
    /// None: everybody.
    allowed: Option<Arc<[ServerName<'static>]>>,
}

impl Callers {
    pub(crate) fn new(service: &'static str, allowed: Option<&[String]>) -> Self {
        let name = |name: &String| ServerName::try_from(name.clone()).ok();
        Self {
            service,
            allowed: allowed.map(|names| names.iter().filter_map(name).collect()),
        }
    }

    fn may_call(&self, certificate: &CertificateDer<'_>) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        // What the authority has signed can be read.
        let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
            return false;
        };
        let mut allowed = allowed.iter();
        allowed.any(|name| verify_server_name(&parsed, name).is_ok())
    }
}

impl Middleware for Callers {
    type Ticket = ();

    fn admit(&self, request: &mut Request) -> Result<(), Failure> {
        let connection = request.extensions().get::<Connection>();
        let certificate = connection.and_then(|connection| connection.certificate.as_deref());
        match certificate {
            Some(shown) if !is_infrastructure(request) && !self.may_call(shown) => {
                Err(Failure::new(
                    Reason::PermissionDenied,
                    format!(
                        "the certificate of the caller names nobody who may call the {}: see tls.allowed_callers",
                        self.service
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    async fn follow((): (), response: impl Future<Output = Response> + Send + 'static) -> Response {
        response.await
    }
}
