//! The files that TLS is made of: roots, a certificate with its chain, a private key.
//!
//! What is wrong with one is said with the key of the config that names it. Keys never print.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{Error, provider};

/// A file, and the key of the config (or the flag) that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As `tls.cert_file`.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
}

/// What the files hold, in the order they were named; not looked at yet.
#[derive(PartialEq, Eq)]
pub(super) struct Contents(Vec<Vec<u8>>);

/// Reads all of them.
pub(super) fn read(files: &[File]) -> Result<Contents, Error> {
    let read = |file: &File| {
        fs::read(&file.path).map_err(|source| Error::Unreadable {
            key: file.key,
            path: file.path.clone(),
            source,
        })
    };
    files
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map(Contents)
}

impl Contents {
    /// The file at `place`.
    pub(super) fn at(&self, place: usize) -> &[u8] {
        self.0.get(place).map_or(&[], Vec::as_slice)
    }
}

impl File {
    /// A file that `key` names.
    #[must_use]
    pub fn new(key: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            key,
            path: path.into(),
        }
    }

    fn unusable(&self, problem: impl Into<String>) -> Error {
        Error::Unusable {
            key: self.key,
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    /// The authorities in it.
    pub(super) fn roots(&self, pem: &[u8]) -> Result<Arc<RootCertStore>, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| self.unusable(format!("holds no authority: {error}")))?;
        }
        Ok(Arc::new(roots))
    }

    fn certificates(&self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found.map_err(|error| self.unusable(format!("is no PEM: {error}")))?;
        match found.is_empty() {
            true => Err(self.unusable("holds no certificate")),
            false => Ok(found),
        }
    }
}

/// The certificate of one file with the key of another.
pub(super) fn identity(
    (cert, cert_pem): (&File, &[u8]),
    (key, key_pem): (&File, &[u8]),
) -> Result<Arc<CertifiedKey>, Error> {
    let chain = cert.certificates(cert_pem)?;
    let private = PrivateKeyDer::from_pem_slice(key_pem)
        // The library's own words could quote what stands in the file.
        .map_err(|_| key.unusable("holds no private key in PEM"))?;
    let certified = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| {
        let problem = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("holds another key than that of {}", cert.path.display())
            }
            error => format!("cannot be used: {error}"),
        };
        key.unusable(problem)
    })?;
    Ok(Arc::new(certified))
}
