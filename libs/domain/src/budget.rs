//! Names of budgets: whose money it is, and how long it has to last.
//!
//! A name says all there is to know about which calls a budget pays for, as `installation/daily`
//! or `project/search/monthly`; config, wire, database, metrics and command line use the same.

use std::fmt;
use std::str::FromStr;

use crate::names::{KeyId, ProjectName};

/// Whose calls a budget pays for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// Every call.
    Installation,
    /// The calls of one project.
    Project(ProjectName),
    /// The calls that come with one key.
    Key(KeyId),
}

/// How long a budget has to last before it is whole again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// From midnight to midnight in the budget's time zone.
    Daily,
    /// From the first of a month to the first of the next, in the budget's time zone.
    Monthly,
}

impl Span {
    /// Both, the shorter one first.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Monthly];

    /// The word in a name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }

    /// What one period of it is called.
    #[must_use]
    pub const fn period(self) -> &'static str {
        match self {
            Self::Daily => "day",
            Self::Monthly => "month",
        }
    }
}

/// The name of a budget, as `project/search/daily`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetName {
    /// Whose calls it pays for.
    pub payer: Payer,
    /// How long it has to last.
    pub span: Span,
}

impl BudgetName {
    /// The day's budget of the whole installation.
    pub const INSTALLATION_DAILY: Self = Self {
        payer: Payer::Installation,
        span: Span::Daily,
    };

    /// The names of all budgets that a call of this project and key would be paid from, if there
    /// are such budgets.
    pub fn paying_for(project: &ProjectName, key: Option<&KeyId>) -> impl Iterator<Item = Self> {
        let payers = [
            Some(Payer::Installation),
            Some(Payer::Project(project.clone())),
            key.cloned().map(Payer::Key),
        ];
        payers.into_iter().flatten().flat_map(|payer| {
            Span::ALL.map(|span| Self {
                payer: payer.clone(),
                span,
            })
        })
    }
}

impl fmt::Display for BudgetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payer {
            Payer::Installation => f.write_str("installation")?,
            Payer::Project(project) => write!(f, "project/{project}")?,
            Payer::Key(key) => write!(f, "key/{key}")?,
        }
        write!(f, "/{}", self.span.as_str())
    }
}

/// A text that is no name of a budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of a budget: give installation/SPAN, project/NAME/SPAN or key/ID/SPAN, where \
     SPAN is daily or monthly"
)]
pub struct InvalidBudgetName(pub String);

impl FromStr for BudgetName {
    type Err = InvalidBudgetName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidBudgetName(text.chars().take(160).collect()))
    }
}

fn parse(text: &str) -> Option<BudgetName> {
    // From the end, because the name of a project may have a slash in it.
    let (payer, span) = text.rsplit_once('/')?;
    let span = Span::ALL.into_iter().find(|known| known.as_str() == span)?;
    let payer = match payer.split_once('/') {
        None if payer == "installation" => Payer::Installation,
        Some(("project", name)) => Payer::Project(name.parse().ok()?),
        Some(("key", id)) => Payer::Key(id.parse().ok()?),
        _ => return None,
    };
    Some(BudgetName { payer, span })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_as_text() {
        for text in [
            "installation/daily",
            "installation/monthly",
            "project/search/daily",
            "project/search/eu/daily/monthly",
            "key/0190-5d/monthly",
        ] {
            let name: BudgetName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn texts_that_are_no_names_are_refused() {
        for text in [
            "",
            "daily",
            "installation",
            "installation/weekly",
            "installation/x/daily",
            "project/daily",
            "project//daily",
            "team/search/daily",
        ] {
            assert!(text.parse::<BudgetName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_call_is_paid_from_every_level_above_it() {
        let project = "search".parse().unwrap();
        let names = |key: Option<&KeyId>| -> Vec<String> {
            let names = BudgetName::paying_for(&project, key);
            names.map(|name| name.to_string()).collect()
        };
        let without_key = [
            "installation/daily",
            "installation/monthly",
            "project/search/daily",
            "project/search/monthly",
        ];
        assert_eq!(names(None), without_key);
        let key = "k1".parse().unwrap();
        assert_eq!(names(Some(&key))[4..], ["key/k1/daily", "key/k1/monthly"]);
    }
}
