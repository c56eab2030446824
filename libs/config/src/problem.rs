//! What is wrong with a config, where, and what to do about it.
//!
//! A reader of a config collects problems and goes on, so that one run shows them all. A problem
//! quotes names and keys; it never quotes a value that could be a secret.

use std::fmt;
use std::sync::Arc;

/// The most problems that are listed; the rest is counted.
pub(crate) const MAX_LISTED: usize = 200;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    Line {
        /// The name of the file.
        file: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
    /// The file as a whole.
    File(Arc<str>),
    /// In an environment variable of this name.
    Variable(Arc<str>),
}

impl Place {
    /// Files before variables, by line, then by name.
    fn order(&self) -> (u8, usize, &str) {
        match self {
            Self::File(file) => (0, 0, file),
            Self::Line { file, line } => (1, *line, file),
            Self::Variable(name) => (2, 0, name),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::File(name) | Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The key it is about, as `routing.quality_threshold`; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    /// One line, as `llm.yaml:12: routing.cache_ttl: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a config; never empty. Prints one problem a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        sort(&mut problems);
        let unlisted = problems.len().saturating_sub(MAX_LISTED);
        problems.truncate(MAX_LISTED);
        Self {
            listed: problems,
            unlisted,
        }
    }

    pub(crate) fn one(place: Place, message: impl Into<String>) -> Self {
        Self::new(vec![Problem {
            place,
            path: String::new(),
            message: message.into(),
        }])
    }

    /// The problems by line, then by variable; the first 200 of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.listed.iter()
    }

    /// How many there are, those not listed among them.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    fn lines(&self) -> String {
        let mut lines: Vec<String> = self.listed.iter().map(Problem::to_string).collect();
        if self.unlisted > 0 {
            lines.push(format!("and {} problems more", self.unlisted));
        }
        lines.join("\n")
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Sorts by place, then by path.
pub(crate) fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        let key = |problem: &Problem| (problem.place.order().0, problem.place.order().1);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.place.order().2.cmp(b.place.order().2))
            .then_with(|| a.path.cmp(&b.path))
    });
}

/// A word from the config as it may stand in a message: printable and short.
pub(crate) fn shown(word: &str) -> String {
    const LONGEST: usize = 60;
    let mut text: String = word
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if word.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

/// The one of `names` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let distance = strsim::damerau_levenshtein(&word, &name.to_lowercase());
        let close = distance <= (name.len().max(word.len()) / 3).max(1);
        if close && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// `, did you mean `x`?`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(word, names).map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}
