//! Snapshots of what was learned: numbered files, each written whole or not at all.
//!
//! A snapshot is written beside its name, brought to disk and then renamed; so a process that dies
//! while it writes leaves the one before. The newest that can be read is the one in effect; those that
//! cannot are passed over and told in the log. A lock keeps a second classifier out of the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use terrace_learned::{Online, Weights};

const EXTENSION: &str = "trco";
const LOCK: &str = "lock";

/// A state that can be rolled back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Its number, rising with time.
    pub number: u64,
    /// How many lessons it has.
    pub lessons: u64,
}

/// The snapshots of one folder.
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    keep: usize,
    /// Held as long as the folder is used.
    _lock: File,
    last: u64,
}

impl Snapshots {
    /// Opens a folder, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be written, or another classifier uses it.
    pub fn open(folder: &Path, keep: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another classifier uses this folder"),
            TryLockError::Error(error) => error,
        })?;
        let mut snapshots = Self {
            folder: folder.to_owned(),
            keep: keep.max(1),
            _lock: lock,
            last: 0,
        };
        snapshots.last = snapshots.numbers()?.first().copied().unwrap_or_default();
        Ok(snapshots)
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The newest that can be read.
    #[must_use]
    pub fn newest(&self, weights: &Weights) -> Option<Online> {
        let numbers = self.numbers().unwrap_or_default();
        numbers.into_iter().find_map(|number| {
            let read = self.read(number, weights);
            let told = |why: &String| tracing::warn!(why, "a snapshot is passed over");
            read.inspect_err(told).ok()
        })
    }

    /// Those that can be read, the newest first.
    #[must_use]
    pub fn list(&self, weights: &Weights) -> Vec<Snapshot> {
        let numbers = self.numbers().unwrap_or_default();
        let readable = numbers.into_iter().filter_map(|number| {
            let lessons = self.read(number, weights).ok()?.lessons;
            Some(Snapshot { number, lessons })
        });
        readable.collect()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, number: u64, weights: &Weights) -> Result<Online, String> {
        let bytes = fs::read(self.path(number))
            .map_err(|error| format!("snapshot {number} cannot be read: {error}"))?;
        Online::from_bytes(&bytes, weights).map_err(|error| format!("snapshot {number} {error}"))
    }

    /// Writes the next one, and removes those that are too many.
    ///
    /// # Errors
    /// The folder cannot be written; then nothing has changed.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let number = self.last + 1;
        let beside = self.folder.join("writing");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, self.path(number))?;
        // The name is on disk with its folder.
        File::open(&self.folder)?.sync_all()?;
        self.last = number;
        for old in self.numbers()?.into_iter().skip(self.keep) {
            fs::remove_file(self.path(old))?;
        }
        Ok(())
    }

    /// Removes those after `number`, or all.
    ///
    /// # Errors
    /// One cannot be removed.
    pub fn keep_until(&mut self, number: Option<u64>) -> io::Result<()> {
        let is_later = |own: &u64| number.is_none_or(|number| *own > number);
        for later in self.numbers()?.into_iter().filter(is_later) {
            fs::remove_file(self.path(later))?;
        }
        Ok(())
    }

    /// The numbers of all, the newest first.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_one = path.extension().is_some_and(|own| own == EXTENSION);
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            numbers.extend(
                stem.filter(|_| is_one)
                    .and_then(|stem| stem.parse::<u64>().ok()),
            );
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}.{EXTENSION}"))
    }
}
