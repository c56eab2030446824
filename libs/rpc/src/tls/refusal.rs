//! Why hands were not shaken with a callee, and what to do about it.
//!
//! The libraries below bury that deep in an error of the connection, in their own words. Here it is
//! told by what a person can change: a flag or a key of the config, the callee's certificate, the
//! address.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// Where a caller is told whom to trust and what to show, as flags or keys of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) ca: &'static str,
    pub(super) cert: &'static str,
    /// Nobody is named: those that browsers trust are.
    pub(super) is_public: bool,
    /// Whether a certificate is shown at all.
    pub(super) shows: bool,
}

/// How a callee says, once hands are shaken already, that it does not want them.
const ALERT: &str = "received fatal alert: ";

impl Keys {
    /// What kept TLS from being spoken, if that is what the error is about.
    pub(super) fn tell(&self, error: &(dyn Error + 'static)) -> Option<String> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let io = error.downcast_ref::<io::Error>();
            let io = io.or_else(|| error.downcast_ref::<h2::Error>()?.get_io());
            if let Some(told) = io.and_then(|io| self.tell_io(io)) {
                return Some(told);
            }
            cause = error.source();
        }
        None
    }

    /// What may be wrong where a connection inside TLS broke and nobody said why: a callee that
    /// turns a caller away after the hands are shaken may be gone before that is read.
    pub(super) fn doubt(&self) -> String {
        let Self { cert, .. } = self;
        match self.shows {
            true => format!("if it lasts, it may not accept the certificate of {cert}"),
            false => format!("if it lasts, it may ask for a certificate: name one with {cert}"),
        }
    }

    fn tell_io(&self, error: &io::Error) -> Option<String> {
        let inner = error.get_ref()?;
        if let Some(refused) = inner.downcast_ref::<rustls::Error>() {
            return Some(self.tell_refused(refused));
        }
        // HTTP/2 keeps the words of an error alone.
        let text = inner.to_string();
        let (_, alert) = text.split_once(ALERT)?;
        let needs_one = format!("{:?}", AlertDescription::CertificateRequired);
        Some(self.tell_alert(alert, alert.starts_with(&needs_one)))
    }

    fn tell_refused(&self, refused: &rustls::Error) -> String {
        let Self { ca, .. } = self;
        match refused {
            rustls::Error::InvalidCertificate(wrong) => self.tell_certificate(wrong),
            rustls::Error::AlertReceived(alert) => {
                let needs_one = *alert == AlertDescription::CertificateRequired;
                self.tell_alert(&format!("{alert:?}"), needs_one)
            }
            rustls::Error::InvalidMessage(_) => {
                "it does not speak TLS: is its address one of http:// instead?".to_owned()
            }
            other => format!("{other}: see {ca}"),
        }
    }

    fn tell_certificate(&self, wrong: &CertificateError) -> String {
        let Self { ca, is_public, .. } = self;
        match wrong {
            CertificateError::UnknownIssuer | CertificateError::BadSignature if *is_public => {
                format!(
                    "its certificate comes from no authority that browsers trust: name the file of \
                     its own authority with {ca}"
                )
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "its certificate comes from another authority than those in the file of {ca}: take \
                 the file of the authority that signed it"
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name: call it by one that stands in it".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the time of its certificate is over, or the clock here is wrong: it needs a new one"
                    .to_owned()
            }
            other => format!("its certificate cannot be used ({other})"),
        }
    }

    fn tell_alert(&self, alert: &str, needs_one: bool) -> String {
        let Self { cert, .. } = self;
        match needs_one {
            true => format!("it asks for a certificate and was shown none: name one with {cert}"),
            false => format!("it does not accept the certificate of {cert} ({alert})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys {
        ca: "--ca",
        cert: "--cert",
        is_public: false,
        shows: true,
    };

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_cause_is_found_however_deep_it_lies() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let told = KEYS.tell(&Outer(io::Error::other(refused))).unwrap();
        assert!(told.contains("the file of --ca"), "{told}");
        let words = "received fatal alert: CertificateRequired";
        let told = KEYS.tell(&Outer(io::Error::other(words))).unwrap();
        assert!(told.contains("name one with --cert"), "{told}");
        let words = "received fatal alert: UnknownCA";
        let told = KEYS.tell(&Outer(io::Error::other(words))).unwrap();
        assert!(told.contains("does not accept"), "{told}");
    }

    #[test]
    fn other_errors_are_none_of_tls() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(KEYS.tell(&Outer(refused)), None);
        assert_eq!(KEYS.tell(&Outer(io::Error::other("broken"))), None);
    }
}
