//! An authority for one attack, and a certificate for each service, signed anew when asked.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use time::OffsetDateTime;

/// An authority and the folder where the files of all services lie.
#[derive(Debug)]
pub struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority; its files will lie in this folder.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            folder: folder.to_owned(),
        })
    }

    /// Writes the three files of a service, whose callers know it by `name`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn sign(&self, service: &str, name: &str) -> anyhow::Result<()> {
        self.sign_until(service, name, None)
    }

    /// As [`Certificates::sign`], for a certificate that ends at this moment.
    ///
    /// # Errors
    /// As [`Certificates::sign`].
    pub fn sign_until(
        &self,
        service: &str,
        name: &str,
        end: Option<OffsetDateTime>,
    ) -> anyhow::Result<()> {
        let own = format!("terrace-{service}");
        let mut params = CertificateParams::new(vec![name.to_owned(), own])?;
        params.not_after = end.unwrap_or(params.not_after);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let files = [
            ("ca.crt", self.pem.clone()),
            ("tls.crt", certificate.pem()),
            ("tls.key", key.serialize_pem()),
        ];
        for (file, text) in files {
            let path = self.file(service, file);
            // Replaced at once, as a mounted secret is.
            let beside = path.with_extension("new");
            std::fs::write(&beside, text)?;
            std::fs::rename(&beside, &path)?;
        }
        Ok(())
    }

    /// Where a file of a service lies.
    #[must_use]
    pub fn file(&self, service: &str, file: &str) -> PathBuf {
        self.folder.join(format!("{service}-{file}"))
    }

    /// The variables that tell a service of its files.
    #[must_use]
    pub fn variables(&self, service: &str) -> Vec<(String, String)> {
        let variable = |key: &str, file: &str| {
            let path = self.file(service, file).display().to_string();
            (format!("TERRACE__TLS__{key}"), path)
        };
        vec![
            variable("CA_FILE", "ca.crt"),
            variable("CERT_FILE", "tls.crt"),
            variable("KEY_FILE", "tls.key"),
            ("TERRACE__TLS__RELOAD_INTERVAL".to_owned(), "1s".to_owned()),
        ]
    }
}
