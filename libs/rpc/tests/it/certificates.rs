//! An authority and what it signs, made anew for each test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use terrace_config::TlsFiles;

/// An authority.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, with its key.
    pub(crate) fn signed(&self, names: &[&str]) -> (String, String) {
        self.sign(params(names))
    }

    /// One whose time is over.
    pub(crate) fn expired(&self, names: &[&str]) -> (String, String) {
        let mut params = params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params
}

/// The three files of one service, in a folder that goes with this.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// What `authority` signs for these names, and trust in the same.
    pub(crate) fn signed(authority: &Authority, names: &[&str]) -> Self {
        let folder = Self::empty();
        folder.write(authority, authority.signed(names));
        folder
    }

    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Replaces all three files.
    pub(crate) fn write(&self, trusted: &Authority, (cert, key): (String, String)) {
        fs::write(self.at("ca.crt"), &trusted.pem).unwrap();
        fs::write(self.at("tls.crt"), cert).unwrap();
        fs::write(self.at("tls.key"), key).unwrap();
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles {
            ca: self.at("ca.crt"),
            cert: self.at("tls.crt"),
            key: self.at("tls.key"),
        }
    }
}
