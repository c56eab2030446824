//! `tls`: what services show each other, whom they trust, and who may call whom.

use std::path::PathBuf;
use std::time::Duration;

use crate::decode::Section;
use crate::read::{self, boolean, choice, duration};
use crate::tree::Node;

/// What services show each other, whom they trust, and who may call whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The three files. Absent: services speak plain text.
    pub files: Option<TlsFiles>,
    /// How often the files are looked at again. Default: 10 s.
    pub reload_interval: Duration,
    /// Whether a service may listen in plain text on an address that is not on loopback.
    /// Default: no.
    pub allow_plaintext: bool,
    /// Names in the certificates of those who may call a service. Absent: everybody with a
    /// certificate of the authority.
    pub allowed_callers: PerPart<Option<Vec<String>>>,
    /// Whether callers have to show a certificate. Default: they have to.
    pub client_certificates: PerPart<ClientCertificate>,
}

/// Files of PEM that may be replaced while a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that the other side's certificate has to come from.
    pub ca: PathBuf,
    /// The own certificate, with what stands between it and the authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// One thing for each kind of service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerPart<T> {
    /// For the orchestrator.
    pub orchestrator: T,
    /// For the classifier.
    pub classifier: T,
    /// For the quality-judge.
    pub quality_judge: T,
    /// For the cost-ledger.
    pub cost_ledger: T,
    /// For every tier-gateway.
    pub tier_gateway: T,
}

/// A kind of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The orchestrator.
    Orchestrator,
    /// The classifier.
    Classifier,
    /// The quality-judge.
    QualityJudge,
    /// The cost-ledger.
    CostLedger,
    /// A tier-gateway.
    TierGateway,
}

/// Whether callers have to show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Without one there is no connection.
    #[default]
    Required,
    /// Callers without one come in too: keys say who they are.
    Optional,
}

const CLIENT_CERTIFICATE: &[(&str, ClientCertificate)] = &[
    ("required", ClientCertificate::Required),
    ("optional", ClientCertificate::Optional),
];

impl<T> PerPart<T> {
    /// That of one kind.
    #[must_use]
    pub const fn of(&self, part: Part) -> &T {
        match part {
            Part::Orchestrator => &self.orchestrator,
            Part::Classifier => &self.classifier,
            Part::QualityJudge => &self.quality_judge,
            Part::CostLedger => &self.cost_ledger,
            Part::TierGateway => &self.tier_gateway,
        }
    }

    fn read(
        section: &mut Section<'_, '_>,
        value: impl Fn(&mut Section<'_, '_>, &'static str) -> T,
    ) -> Self {
        Self {
            orchestrator: value(section, "orchestrator"),
            classifier: value(section, "classifier"),
            quality_judge: value(section, "quality_judge"),
            cost_ledger: value(section, "cost_ledger"),
            tier_gateway: value(section, "tier_gateway"),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            files: None,
            reload_interval: Duration::from_secs(10),
            allow_plaintext: false,
            allowed_callers: PerPart::default(),
            client_certificates: PerPart::default(),
        }
    }
}

impl Tls {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            files: TlsFiles::read(section),
            reload_interval: section.or(
                "reload_interval",
                default.reload_interval,
                duration(Duration::from_millis(100)..=Duration::from_hours(24)),
            ),
            allow_plaintext: section.or("allow_plaintext", default.allow_plaintext, boolean),
            allowed_callers: section.section("allowed_callers", |section| {
                PerPart::read(section, |section, key| section.get(key, callers))
            }),
            client_certificates: section.section("client_certificates", |section| {
                let one = choice(CLIENT_CERTIFICATE);
                PerPart::read(section, |section, key| {
                    section.or(key, ClientCertificate::default(), &one)
                })
            }),
        }
    }
}

impl TlsFiles {
    /// All three or none: services both show a certificate and ask for one.
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let given = ["ca_file", "cert_file", "key_file"].map(|key| {
            let path = section.get(key, read::word).map(PathBuf::from);
            (key, path)
        });
        let some = given.iter().any(|(_, path)| path.is_some());
        for (key, path) in &given {
            if some && path.is_none() && !section.has(key) {
                section.problem(
                    key,
                    "is missing: `ca_file`, `cert_file` and `key_file` belong together",
                );
            }
        }
        let [(_, ca), (_, cert), (_, key)] = given;
        Some(Self {
            ca: ca?,
            cert: cert?,
            key: key?,
        })
    }
}

/// Names as they stand in certificates; a list without any would let nobody in.
fn callers(node: &Node) -> Result<Vec<String>, String> {
    let names: Vec<String> = read::list(node)?
        .iter()
        .map(read::word)
        .collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Err("has to name a caller: nobody could call".to_owned());
    }
    match names.iter().find(|name| name.contains(['*', '/', ' '])) {
        Some(name) => Err(format!(
            "has to hold names or IP addresses as they stand in certificates, and has `{}`",
            crate::problem::shown(name)
        )),
        None => Ok(names),
    }
}
