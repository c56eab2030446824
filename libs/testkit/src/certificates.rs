//! An authority and what it signs, made anew for each test.
//!
//! The three files of a service lie in a folder of its own, as a mounted secret would: trust, a
//! certificate and its key. They may be replaced while somebody uses them.
#![expect(
    clippy::expect_used,
    reason = "a test without its certificates cannot run"
)]

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

const WHY: &str = "certificates for a test";

/// An authority.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One that nobody trusts yet.
    ///
    /// # Panics
    /// There is no randomness to be had.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect(WHY);
        let mut params = CertificateParams::new(Vec::new()).expect(WHY);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).expect(WHY).pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, with its key, both as PEM.
    ///
    /// # Panics
    /// A name cannot stand in a certificate.
    #[must_use]
    pub fn signed(&self, names: &[&str]) -> (String, String) {
        self.sign(params(names))
    }

    /// One whose time is over.
    ///
    /// # Panics
    /// As [`Authority::signed`].
    #[must_use]
    pub fn expired(&self, names: &[&str]) -> (String, String) {
        let mut params = params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().expect(WHY);
        let certificate = params.signed_by(&key, &self.issuer).expect(WHY);
        (certificate.pem(), key.serialize_pem())
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect(WHY);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params
}

/// The three files of one service, in a folder that goes with this.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// What `authority` signs for these names, and trust in the same.
    ///
    /// # Panics
    /// The files cannot be written, or as [`Authority::signed`].
    #[must_use]
    pub fn signed(authority: &Authority, names: &[&str]) -> Self {
        let folder = Self::empty();
        folder.write(authority, authority.signed(names));
        folder
    }

    /// Without any file.
    ///
    /// # Panics
    /// There is no folder to be had.
    #[must_use]
    pub fn empty() -> Self {
        Self(tempfile::tempdir().expect(WHY))
    }

    /// Replaces all three files.
    ///
    /// # Panics
    /// They cannot be written.
    pub fn write(&self, trusted: &Authority, (cert, key): (String, String)) {
        fs::write(self.at("ca.crt"), &trusted.pem).expect(WHY);
        fs::write(self.at("tls.crt"), cert).expect(WHY);
        fs::write(self.at("tls.key"), key).expect(WHY);
    }

    /// Where a file lies: `ca.crt`, `tls.crt` or `tls.key`.
    #[must_use]
    pub fn at(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }

    /// The trusted authority, the own certificate and its key.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 3] {
        ["ca.crt", "tls.crt", "tls.key"].map(|name| self.at(name))
    }
}
