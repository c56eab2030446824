//! Free settlements while the database is away: waited with, or kept on disk and written later.
//!
//! A step that costs is refused while nobody can say what is left of its budget. One that is free
//! need not wait for that: without a spool its settlement waits for the database, as long as its
//! caller does; with one it is on this machine's disk when it is acknowledged, and is written to
//! the database in its turn as soon as that is back. Settling twice books once, so a spool that is
//! replayed again after a crash does no harm. What comes while it is written goes behind what waits;
//! when little is left, newcomers wait for a moment, or there would never be an end of it.
//!
//! A request may be sent again under its id while the end of its first try waits. Money that was
//! held for the second would be freed by that end when it is written, so none is held until then.

mod file;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::timeout;

use futures::future::join_all;
use terrace_domain::{Failure, Reason, RequestId};

use self::file::{NotKept, SpoolFile};
use crate::commit::Commits;
use crate::error::StartError;
use crate::metrics;
use crate::settle::{self, Settle, Settled};

/// How often the database is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How many settlements are replayed at once: the order in which they are handed in is kept.
const CHUNK: usize = 256;

/// The longest that newcomers wait for what is left.
const HANDOVER: Duration = Duration::from_secs(1);

/// Reads `bytes` as the file of a spool, and gives its records.
#[cfg(feature = "fuzzing")]
pub(crate) fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    file::all(bytes).0
}

/// Where settlements wait on disk. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    file: Option<Arc<Mutex<SpoolFile>>>,
    /// The requests whose settlements wait; changed while the file is locked, so that both are one.
    waiting: Arc<Mutex<HashSet<RequestId>>>,
    /// Passed by whoever adds to the file, and closed while the last of it is written.
    gate: Arc<RwLock<()>>,
}

/// Where the spool is and how large it may become.
#[derive(Debug, Clone)]
pub struct SpoolSettings {
    /// Folder of this ledger alone; absent: nothing is spooled.
    pub folder: Option<PathBuf>,
    /// The most bytes that wait.
    pub max_bytes: u64,
}

impl Spool {
    /// Opens the spool, with what was left in it; `request_of` says whose settlement a record is.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub(crate) fn open(
        settings: &SpoolSettings,
        request_of: impl Fn(&[u8]) -> Option<RequestId>,
    ) -> Result<Self, StartError> {
        let Some(folder) = &settings.folder else {
            return Ok(Self {
                file: None,
                waiting: Arc::default(),
                gate: Arc::default(),
            });
        };
        let opened = || {
            let mut file = SpoolFile::open(folder, settings.max_bytes)?;
            let (records, _) = file.records(0)?;
            Ok((file, records))
        };
        let (file, records) = opened().map_err(|cause| StartError::Spool {
            folder: folder.clone(),
            cause,
        })?;
        metrics::spooled(file.bytes());
        let waiting = records.iter().filter_map(|record| request_of(record));
        Ok(Self {
            file: Some(Arc::new(Mutex::new(file))),
            waiting: Arc::new(Mutex::new(waiting.collect())),
            gate: Arc::default(),
        })
    }

    /// Refuses to hold money for a request while the end of an earlier try of it waits.
    pub(crate) fn let_hold(&self, request_id: RequestId) -> Result<(), Failure> {
        if !lock(&self.waiting).contains(&request_id) {
            return Ok(());
        }
        let message = "how an earlier try of this request ended is not in the ledger's database \
                       yet: repeat the call in a moment";
        let failure = Failure::new(Reason::LedgerUnavailable, message);
        Err(failure.retry_after(Duration::from_secs(1)))
    }

    /// Settles, whatever the database does: what is free waits for it or is kept as `record`.
    pub(crate) async fn settle(
        &self,
        commits: &Commits,
        ask: Settle,
        record: impl FnOnce() -> Vec<u8>,
    ) -> Result<Settled, Failure> {
        if !ask.is_free() {
            return settle::settle(commits, ask).await;
        }
        // What comes later stays behind what waits.
        if self.is_waiting() {
            let _passing = self.gate.read().await;
            if self.is_waiting() {
                return self.keep(ask.identity.request_id, record()).await;
            }
        }
        loop {
            match settle::settle(commits, ask.clone()).await {
                Err(failure) if failure.reason == Reason::LedgerUnavailable => {
                    if self.file.is_some() {
                        let _passing = self.gate.read().await;
                        return self.keep(ask.identity.request_id, record()).await;
                    }
                    // Its caller's deadline ends this.
                    tokio::time::sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    /// Whether settlements wait.
    fn is_waiting(&self) -> bool {
        let waits = |file: &Arc<Mutex<SpoolFile>>| !lock(file).is_empty();
        self.file.as_ref().is_some_and(waits)
    }

    /// Keeps a settlement of a request on disk.
    async fn keep(&self, request_id: RequestId, record: Vec<u8>) -> Result<Settled, Failure> {
        let waiting = Arc::clone(&self.waiting);
        let kept = self.on_disk(move |file| {
            file.append(&record)?;
            lock(&waiting).insert(request_id);
            Ok(file.bytes())
        });
        match kept.await {
            Ok(bytes) => {
                metrics::spooled(bytes);
                Ok(Settled::spooled())
            }
            Err(why) => {
                tracing::error!(%why, "settlement not kept");
                let message = "the ledger's database does not answer and its spool takes no more: \
                               repeat the call in a moment";
                let failure = Failure::new(Reason::LedgerUnavailable, message);
                Err(failure.retry_after(Duration::from_secs(1)))
            }
        }
    }

    /// Writes what waits to the database whenever that is there, for as long as the process lives.
    pub(crate) async fn replay(self, commits: Commits, read: Read) {
        loop {
            if self.is_waiting() {
                self.replay_once(&commits, &read).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Writes what waits, in order, and forgets it; stops where the database is away.
    async fn replay_once(&self, commits: &Commits, read: &Read) {
        let mut written = (0, 0);
        loop {
            let Some((count, end)) = self.write_from(written.1, commits, read).await else {
                return;
            };
            written = (written.0 + count, end);
            if count <= CHUNK {
                break;
            }
        }
        let rest = timeout(HANDOVER, async {
            let _closed = self.gate.write().await;
            let (count, end) = self.write_from(written.1, commits, read).await?;
            let waiting = Arc::clone(&self.waiting);
            let cleared = self.on_disk(move |file| {
                let cleared = file.clear(end)?;
                if cleared {
                    lock(&waiting).clear();
                }
                Ok(cleared)
            });
            cleared.await.is_ok_and(|cleared| cleared).then_some(count)
        });
        if let Ok(Some(count)) = rest.await {
            metrics::spooled(0);
            let all = written.0 + count;
            tracing::info!(spool.records = all, "spooled settlements written");
        }
    }

    /// Writes what lies behind `start`; says how many that were and where they end. `None`: the
    /// disk or the database does not answer.
    async fn write_from(&self, start: u64, commits: &Commits, read: &Read) -> Option<(usize, u64)> {
        let read_all = self.on_disk(move |file| Ok(file.records(start)?));
        let (records, end) = read_all.await.ok()?;
        for chunk in records.chunks(CHUNK) {
            let asks = chunk.iter().filter_map(|record| read(record));
            for settled in join_all(asks.map(|ask| commits.write(ask))).await {
                match settled {
                    Err(failure) if failure.reason == Reason::LedgerUnavailable => return None,
                    Err(failure) => tracing::error!(%failure, "spooled settlement not written"),
                    Ok(_) => (),
                }
            }
        }
        Some((records.len(), end))
    }

    /// Works on the file in a thread that may wait for the disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SpoolFile) -> Result<T, NotKept> + Send + 'static,
    ) -> Result<T, NotKept> {
        let Some(file) = self.file.clone() else {
            return Err(NotKept::Full);
        };
        let done = tokio::task::spawn_blocking(move || work(&mut lock(&file))).await;
        done.unwrap_or_else(|error| Err(NotKept::Io(std::io::Error::other(error))))
    }
}

/// Reads a record as what is to be settled.
pub(crate) type Read = Box<dyn Fn(&[u8]) -> Option<Settle> + Send + Sync>;

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn what_is_on_disk_is_known_to_wait_although_its_caller_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let settings = SpoolSettings {
            folder: Some(folder.path().to_owned()),
            max_bytes: 1000,
        };
        let spool = Spool::open(&settings, |_| None).unwrap();
        let id = RequestId::generate();
        drop(spool.keep(id, vec![1]).now_or_never());
        while !spool.is_waiting() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(spool.let_hold(id).is_err());
    }
}
