//! From the tree to checked values, collecting every problem on the way.
//!
//! A [`Section`] is one map of the file being read. Each key is asked for by name and with a
//! reader that says what it should be; what nobody asked for is unknown when the section ends,
//! so the keys of the schema and the keys that are accepted cannot drift apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::problem::{self, Place, Problem, Problems, shown};
use crate::tree::{Entry, Kind, Node};

/// What one pass over a config knows and has found.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// All environment variables, for the secrets that are named by one.
    pub(crate) env: BTreeMap<String, String>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    unknown: Vec<Unknown>,
    /// The pattern of every key that was asked for, as `backends.<name>.url`.
    known: BTreeSet<String>,
}

/// A key nobody asked for.
#[derive(Debug)]
struct Unknown {
    key: String,
    place: Place,
    path: String,
    meant: Option<String>,
}

impl Reading {
    pub(crate) fn new(env: BTreeMap<String, String>) -> Self {
        Self {
            env,
            ..Self::default()
        }
    }

    pub(crate) fn problem(&mut self, place: &Place, path: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            place: place.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(crate) fn extend(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    #[cfg(test)]
    pub(crate) const fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// The warnings, if there are no problems.
    pub(crate) fn finish(mut self) -> Result<Vec<Problem>, Problems> {
        let unknown = std::mem::take(&mut self.unknown);
        for (index, unknown) in unknown.into_iter().enumerate() {
            let message = if index < problem::MAX_LISTED {
                self.unknown_message(&unknown)
            } else {
                "unknown key".to_owned()
            };
            self.problem(&unknown.place, &unknown.path, message);
        }
        if !self.problems.is_empty() {
            return Err(Problems::new(self.problems));
        }
        problem::sort(&mut self.warnings);
        Ok(self.warnings)
    }

    fn unknown_message(&self, unknown: &Unknown) -> String {
        if let Some(meant) = &unknown.meant {
            return format!("unknown key, did you mean `{meant}`?");
        }
        let ending = format!(".{}", unknown.key);
        let elsewhere = self
            .known
            .iter()
            .find_map(|known| known.strip_suffix(&ending));
        elsewhere.map_or_else(
            || "unknown key".to_owned(),
            |section| format!("unknown key here; there is one under `{section}`"),
        )
    }
}

/// Where in the config something is: as the file has it, and as the schema has it.
#[derive(Debug, Clone, Default)]
struct Path {
    shown: String,
    pattern: String,
}

impl Path {
    fn key(&self, key: &str) -> Self {
        self.named(key, key)
    }

    fn named(&self, name: &str, pattern: &str) -> Self {
        let join = |base: &str, end: &str| {
            if base.is_empty() {
                end.to_owned()
            } else {
                format!("{base}.{end}")
            }
        };
        Self {
            shown: join(&self.shown, &shown(name)),
            pattern: join(&self.pattern, pattern),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            shown: format!("{}[{index}]", self.shown),
            pattern: format!("{}[]", self.pattern),
        }
    }
}

/// One map of the file, being read.
pub(crate) struct Section<'a, 'r> {
    entries: &'a [Entry],
    place: Place,
    path: Path,
    asked: BTreeSet<&'a str>,
    keys: Vec<&'static str>,
    /// Whether there is a map to read, or nothing; else nothing more can be missing from it.
    whole: bool,
    pub(crate) reading: &'r mut Reading,
}

/// Reads the whole file.
pub(crate) fn root<T>(
    node: &Node,
    reading: &mut Reading,
    read: impl FnOnce(&mut Section<'_, '_>) -> T,
) -> T {
    below(node, &node.place, Path::default(), reading, read)
}

fn below<'a, T>(
    node: &'a Node,
    place: &Place,
    path: Path,
    reading: &mut Reading,
    read: impl FnOnce(&mut Section<'a, '_>) -> T,
) -> T {
    let entries: &[Entry] = match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Null => &[],
        Kind::Scalar(_) | Kind::List(_) => {
            let message = format!("has to be a map of keys, and is {}", node.what());
            reading.problem(place, &path.shown, message);
            &[]
        }
    };
    let mut section = Section {
        entries,
        whole: matches!(node.kind, Kind::Map(_) | Kind::Null),
        place: place.clone(),
        path,
        asked: BTreeSet::new(),
        keys: Vec::new(),
        reading,
    };
    section.report_duplicates();
    let value = read(&mut section);
    section.report_unknown();
    value
}

impl<'a> Section<'a, '_> {
    /// The value of `key`, if it is given and `read` takes it.
    pub(crate) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let entry = self.ask(key)?;
        match read(&entry.value) {
            Ok(value) => Some(value),
            Err(message) => {
                let path = self.path.key(key);
                self.reading.problem(entry.blame(), &path.shown, message);
                None
            }
        }
    }

    /// The value of `key`, or `default`.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> T {
        self.get(key, read).unwrap_or(default)
    }

    /// The value of `key`, which has to be given.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        self.require(key);
        self.get(key, read)
    }

    /// Reports `key` if it is not given.
    pub(crate) fn require(&mut self, key: &'static str) {
        if self.ask(key).is_none() && self.whole {
            let path = self.path.key(key);
            self.reading.problem(&self.place, &path.shown, "is missing");
        }
    }

    /// The map under `key`, read by `read` also when it is not given.
    pub(crate) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, '_>) -> T,
    ) -> T {
        let absent = Node::null(self.place.clone());
        let (node, place) = match self.ask(key) {
            Some(entry) => (&entry.value, entry.blame().clone()),
            None => (&absent, self.place.clone()),
        };
        below(node, &place, self.path.key(key), self.reading, read)
    }

    /// Each item of the list under `key`, as a map; none when it is not given.
    pub(crate) fn items<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, '_>) -> T,
    ) -> Option<Vec<T>> {
        let entry = self.ask(key)?;
        let path = self.path.key(key);
        let Kind::List(items) = &entry.value.kind else {
            let message = format!("has to be a list, and is {}", entry.value.what());
            self.reading.problem(entry.blame(), &path.shown, message);
            return None;
        };
        let items = items.iter().enumerate();
        let read = items.map(|(index, item)| {
            below(item, &item.place, path.item(index), self.reading, &mut read)
        });
        Some(read.collect())
    }

    /// Each entry nobody asked for yet, as a map of its own under a name the user chose.
    pub(crate) fn named<T>(
        &mut self,
        label: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_, '_>) -> T,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for entry in self.rest() {
            let path = self.path.named(&entry.key, label);
            let section = |section: &mut Section<'_, '_>| read(&entry.key, section);
            values.push(below(
                &entry.value,
                entry.blame(),
                path,
                self.reading,
                section,
            ));
        }
        values
    }

    /// Each entry nobody asked for yet, as a value under a name the user chose.
    pub(crate) fn pairs<T>(
        &mut self,
        label: &'static str,
        mut read: impl FnMut(&str, &Node) -> Result<T, String>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for entry in self.rest() {
            let path = self.path.named(&entry.key, label);
            self.reading.known.insert(path.pattern);
            match read(&entry.key, &entry.value) {
                Ok(value) => values.push(value),
                Err(message) => self.reading.problem(entry.blame(), &path.shown, message),
            }
        }
        values
    }

    /// Whether `key` is given and not null.
    pub(crate) fn has(&mut self, key: &'static str) -> bool {
        self.ask(key).is_some()
    }

    /// Whether `key` is given as a single value.
    pub(crate) fn is_scalar(&mut self, key: &'static str) -> bool {
        let entry = self.ask(key);
        entry.is_some_and(|entry| matches!(entry.value.kind, Kind::Scalar(_)))
    }

    /// Whether `key` was set by an environment variable.
    pub(crate) fn is_overridden(&mut self, key: &'static str) -> bool {
        let entry = self.ask(key);
        entry.is_some_and(|entry| matches!(entry.value.place, Place::Variable(_)))
    }

    /// Reports something about the value of `key`, or about the section when it has none.
    pub(crate) fn problem(&mut self, key: &'static str, message: impl Into<String>) {
        let (place, path) = self.locate(key);
        self.reading.problem(&place, &path, message);
    }

    /// Warns of something about the value of `key`.
    pub(crate) fn warning(&mut self, key: &'static str, message: impl Into<String>) {
        let (place, path) = self.locate(key);
        self.reading.warnings.push(Problem {
            place,
            path,
            message: message.into(),
        });
    }

    /// Reports something about the section as a whole.
    pub(crate) fn problem_here(&mut self, message: impl Into<String>) {
        self.reading.problem(&self.place, &self.path.shown, message);
    }

    /// Warns of something about the section as a whole.
    pub(crate) fn warning_here(&mut self, message: impl Into<String>) {
        self.reading.warnings.push(Problem {
            place: self.place.clone(),
            path: self.path.shown.clone(),
            message: message.into(),
        });
    }

    fn locate(&mut self, key: &'static str) -> (Place, String) {
        let place = self.ask(key).map_or(&self.place, Entry::blame).clone();
        (place, self.path.key(key).shown)
    }

    /// Marks `key` as known, and finds what is given for it.
    fn ask(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.keys.contains(&key) {
            self.keys.push(key);
            self.reading.known.insert(self.path.key(key).pattern);
        }
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        self.asked.insert(entry.key.as_str());
        (!entry.value.is_null()).then_some(entry)
    }

    /// The entries nobody asked for, each name once; they count as asked for from now on.
    fn rest(&mut self) -> Vec<&'a Entry> {
        let entries = self.entries.iter();
        entries
            .filter(|entry| self.asked.insert(entry.key.as_str()))
            .collect()
    }

    fn report_duplicates(&mut self) {
        let mut first: HashMap<&str, &Place> = HashMap::new();
        for entry in self.entries {
            if let Some(place) = first.get(entry.key.as_str()) {
                let path = self.path.key(&entry.key);
                let message = format!("is given twice, first at {place}");
                self.reading.problem(&entry.place, &path.shown, message);
            } else {
                first.insert(&entry.key, &entry.place);
            }
        }
    }

    fn report_unknown(&mut self) {
        for entry in self.rest() {
            // A guess costs time, and only so many are shown.
            let guess = self.reading.unknown.len() < problem::MAX_LISTED;
            let keys = self.keys.iter().copied().filter(|_| guess);
            let meant = problem::nearest(&entry.key, keys);
            self.reading.unknown.push(Unknown {
                key: entry.key.clone(),
                place: entry.blame().clone(),
                path: self.path.key(&entry.key).shown,
                meant: meant.map(str::to_owned),
            });
        }
    }
}
