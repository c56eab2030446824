//! What a check found, and the walk over the repository's files that all checks share.

use std::fmt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// Folders that hold nothing of ours.
const FOREIGN: &[&str] = &["target", "node_modules"];

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File, relative to the workspace.
    pub(crate) path: PathBuf,
    /// Line, from 1.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    /// The file's name alone.
    pub(crate) fn name(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// Whether the file is a module of unit tests, whose story is its parent's.
    pub(crate) fn is_test_module(&self) -> bool {
        matches!(self.name(), "tests.rs" | "testing.rs")
    }

    /// The number of the first line that `wanted` accepts; 1 when there is none.
    pub(crate) fn line_where(&self, wanted: impl Fn(&str) -> bool) -> usize {
        self.text.lines().position(wanted).map_or(1, |at| at + 1)
    }
}

/// Reads every file below `root` whose name ends in one of `extensions`, sorted by path.
///
/// Build folders and everything hidden are left out.
pub(crate) fn files(root: &Path, extensions: &[&str]) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(is_ours) {
        let entry = entry?;
        let extension = entry.path().extension().and_then(|e| e.to_str());
        if entry.file_type().is_file() && extension.is_some_and(|e| extensions.contains(&e)) {
            files.push(File {
                path: entry.path().strip_prefix(root)?.to_owned(),
                text: std::fs::read_to_string(entry.path())?,
            });
        }
    }
    Ok(files)
}

fn is_ours(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || FOREIGN.contains(&name.as_ref()))
}
