//! What goes wrong, with whom, and in which order: made from the seed alone.

use anyhow::bail;
use clap::ValueEnum as _;

use crate::site::PLACES;
use crate::surroundings::CALLED;

/// A way in which something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A process hangs (SIGSTOP) and goes on.
    Stopped,
    /// Every connection to it ends, and new ones do too.
    Cut,
    /// Connections to it stay, and nothing passes.
    Blackholed,
    /// Every piece on the way to it and back is late.
    Slowed,
    /// The database takes no writes.
    ReadOnly,
    /// Somebody else has all connections to the database.
    NoConnections,
    /// The database is killed and comes up at the same address.
    FailedOver,
    /// The database is killed for good, and its standby takes over at another address.
    Promoted,
    /// A disk is full.
    DiskFull,
    /// A clock is an hour ahead, and then right again.
    ClockAhead,
    /// A clock is an hour behind, and then right again.
    ClockBehind,
    /// A certificate expires, and a new one comes.
    CertificateExpired,
    /// The model counts tokens that nobody saw.
    WrongUsage,
    /// The model says nothing of tokens.
    NoUsage,
    /// The model answers with what is no JSON.
    WrongJson,
    /// The model's answer ends in the middle.
    CutShort,
    /// The model's answer has no end.
    Endless,
    /// The model's answer comes one byte a second.
    Drip,
}

const MODELS: &[&str] = &["small", "big"];

impl Kind {
    /// Who can have it.
    const fn victims(self) -> &'static [&'static str] {
        match self {
            Self::Stopped => &[
                "edge",
                "orchestrator",
                "cost-ledger",
                "classifier",
                "quality-judge",
                "gateway-local",
                "gateway-paid",
                "database",
            ],
            Self::Cut | Self::Blackholed | Self::Slowed => &CALLED,
            Self::ReadOnly | Self::NoConnections | Self::FailedOver | Self::Promoted => {
                &["database"]
            }
            Self::DiskFull => &["database", "spool"],
            Self::ClockAhead | Self::ClockBehind => &["orchestrator", "cost-ledger", "database"],
            Self::CertificateExpired => &PLACES,
            Self::WrongUsage
            | Self::NoUsage
            | Self::WrongJson
            | Self::CutShort
            | Self::Endless
            | Self::Drip => MODELS,
        }
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// How.
    pub kind: Kind,
    /// With whom: a place, `database`, `spool`, or a model.
    pub whom: &'static str,
}

impl Fault {
    /// Its name, as `stopped/cost-ledger`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}/{}", self.kind.name(), self.whom)
    }

    fn is_called(self, name: &str) -> bool {
        name == self.name() || name == self.kind.name()
    }
}

/// All faults, or those that `only` names by kind or in full, in an order of the seed.
///
/// # Errors
/// A name that no fault has.
pub(crate) fn chosen(only: &[String], seed: u64) -> anyhow::Result<Vec<Fault>> {
    let each = |kind: Kind| {
        let victims = kind.victims().iter();
        victims.map(move |&whom| Fault { kind, whom })
    };
    let all: Vec<Fault> = Kind::value_variants()
        .iter()
        .flat_map(|&kind| each(kind))
        .collect();
    let is_known = |name: &&String| all.iter().any(|fault| fault.is_called(name));
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        let names: Vec<String> = all.iter().map(|fault| fault.name()).collect();
        bail!(
            "no fault is called {unknown:?}; there are {}",
            names.join(", ")
        );
    }
    let is_wanted =
        |fault: &Fault| only.is_empty() || only.iter().any(|name| fault.is_called(name));
    let mut faults: Vec<Fault> = all.into_iter().filter(is_wanted).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut faults);
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_says_the_order_and_only_says_which() {
        let all = chosen(&[], 7).unwrap();
        assert_eq!(all, chosen(&[], 7).unwrap());
        assert_ne!(all, chosen(&[], 8).unwrap());
        let some = chosen(&["stopped".to_owned(), "cut/database".to_owned()], 7).unwrap();
        assert_eq!(some.len(), 9);
        let error = chosen(&["stoped".to_owned()], 7).unwrap_err();
        assert!(error.to_string().contains("stopped/classifier"), "{error}");
    }
}
