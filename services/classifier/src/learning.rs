//! Learning on one's own traffic: the state, when it is written down, and how it is rolled back.
//!
//! What a lesson changes, and when nothing that was learned counts, is decided in
//! [`terrace_learned::online`], which is pure. Here is who may read and write it at which time, and
//! [`snapshots`], the files. A snapshot is written after so many lessons by whoever brought the last of
//! them; when that fails, it is told in the log and tried again with the next.

pub mod snapshots;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use terrace_domain::{ActionName, Failure, ProjectName, Reason};
use terrace_learned::train::label_of;
use terrace_learned::{Lesson, Online, Weights};

use snapshots::{Snapshot, Snapshots};

/// What the config says about learning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearningSettings {
    /// Where snapshots are; in memory alone without it.
    pub folder: Option<PathBuf>,
    /// Lessons after which one is written.
    pub snapshot_every: u64,
    /// How many are kept.
    pub keep: usize,
}

/// What was learned, for several threads.
#[derive(Debug)]
pub struct Learning {
    weights: Weights,
    online: RwLock<Online>,
    snapshots: Option<Mutex<Snapshots>>,
    every: u64,
}

/// How far learning has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// How many lessons there were.
    pub lessons: u64,
    /// How many labels have a mean.
    pub labels: usize,
    /// How well predictions rank outcomes lately.
    pub auroc: Option<f64>,
    /// Whether that fell below chance.
    pub prior_alone: bool,
    /// Where snapshots are.
    pub folder: Option<PathBuf>,
    /// Those that can be rolled back to, the newest first.
    pub snapshots: Vec<Snapshot>,
}

/// The label that is learned for: whose traffic, and what for.
#[must_use]
pub fn label(project: Option<&ProjectName>, action: Option<&ActionName>) -> u64 {
    let project = project.map_or("", ProjectName::as_str);
    let action = action.map_or("", ActionName::as_str);
    label_of(&format!("{project}\0{action}"))
}

impl Learning {
    /// Goes on from the newest snapshot that can be read.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(weights: Weights, settings: &LearningSettings) -> std::io::Result<Self> {
        let folder = settings.folder.as_deref();
        let snapshots = folder.map(|folder| Snapshots::open(folder, settings.keep));
        let snapshots = snapshots.transpose()?;
        let online = snapshots.as_ref().and_then(|own| own.newest(&weights));
        Ok(Self {
            weights,
            online: RwLock::new(online.unwrap_or_default()),
            snapshots: snapshots.map(Mutex::new),
            every: settings.snapshot_every.max(1),
        })
    }

    /// What was learned, to be asked; nobody learns meanwhile.
    pub fn look(&self) -> RwLockReadGuard<'_, Online> {
        // What a panic left half learned is still numbers.
        self.online.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns one lesson, and writes a snapshot when it is time.
    pub fn learn(&self, lesson: &Lesson) {
        let lessons = {
            let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
            online.learn(&self.weights, lesson);
            online.lessons
        };
        if lessons.is_multiple_of(self.every) {
            self.save();
        }
    }

    fn save(&self) {
        let Some(snapshots) = &self.snapshots else {
            return;
        };
        let mut snapshots = snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, lessons) = {
            let online = self.look();
            (online.to_bytes(&self.weights), online.lessons)
        };
        if let Err(error) = snapshots.write(&bytes) {
            tracing::warn!(%error, lessons, "what was learned could not be written down");
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (folder, snapshots) = match &self.snapshots {
            Some(own) => {
                let own = own.lock().unwrap_or_else(PoisonError::into_inner);
                (Some(own.folder().to_owned()), own.list(&self.weights))
            }
            None => (None, Vec::new()),
        };
        let online = self.look();
        Standing {
            lessons: online.lessons,
            labels: online.means.labels(),
            auroc: online.watch.auroc(),
            prior_alone: online.watch.is_tripped(),
            folder,
            snapshots,
        }
    }

    /// Goes back to a snapshot, or to nothing learned; what came later is thrown away for good.
    /// Returns how many lessons are left.
    ///
    /// # Errors
    /// There is no such snapshot, it cannot be read, or later ones cannot be removed.
    pub fn roll_back(&self, number: Option<u64>) -> Result<u64, Failure> {
        let snapshots = self.snapshots.as_ref();
        let mut snapshots = snapshots.map(|own| own.lock().unwrap_or_else(PoisonError::into_inner));
        let back = match (number, snapshots.as_mut()) {
            (None, None) => Online::default(),
            (None, Some(own)) => {
                own.keep_until(None).map_err(|error| unwritable(&error))?;
                Online::default()
            }
            (Some(number), Some(own)) => {
                let back = own.read(number, &self.weights).map_err(no_snapshot)?;
                own.keep_until(Some(number))
                    .map_err(|error| unwritable(&error))?;
                back
            }
            (Some(_), None) => {
                return Err(no_snapshot(
                    "what is learned is kept in memory alone: set routing.learning.folder"
                        .to_owned(),
                ));
            }
        };
        let lessons = back.lessons;
        *self.online.write().unwrap_or_else(PoisonError::into_inner) = back;
        Ok(lessons)
    }
}

fn no_snapshot(why: String) -> Failure {
    Failure::new(Reason::NotFound, format!("it cannot be rolled back: {why}"))
}

fn unwritable(error: &std::io::Error) -> Failure {
    let message = format!("later snapshots cannot be removed: {error}");
    Failure::new(Reason::ServiceUnavailable, message)
}

#[cfg(test)]
mod tests;
