//! A bounded file of records, each on disk before it counts.
//!
//! A record is its length, its checksum and its bytes. A process that dies while it writes leaves
//! a torn record at the end; nobody was told that it is safe, so it is cut off when the file is
//! opened again. One process at a time: the file is locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Name of the file in its folder.
const NAME: &str = "settlements.spool";
/// Bytes before each record: length and checksum.
const HEAD: usize = 8;

/// Records that wait.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    file: File,
    bytes: u64,
    max_bytes: u64,
}

/// Why a record cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error("the spool is full")]
    Full,
    #[error("the spool cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl SpoolFile {
    /// Opens the file in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be written, or another process has the file.
    pub(crate) fn open(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(folder.join(NAME))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another ledger uses this folder"),
            TryLockError::Error(error) => error,
        })?;
        // The name of the file is on disk with its folder.
        File::open(folder)?.sync_all()?;
        let mut spool = Self {
            file,
            bytes: 0,
            max_bytes,
        };
        let (records, whole) = spool.read(0)?;
        spool.cut(whole)?;
        if !records.is_empty() {
            tracing::info!(
                spool.records = records.len(),
                "settlements wait in the spool"
            );
        }
        Ok(spool)
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// How many bytes wait.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keeps a record; when this returns it is on disk.
    ///
    /// # Errors
    /// There is no more room, or the disk does not take it. Then the file is as it was.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<(), NotKept> {
        let mut bytes = Vec::with_capacity(HEAD + record.len());
        let length = u32::try_from(record.len()).map_err(|_| NotKept::Full)?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
        bytes.extend_from_slice(record);
        let end = self.bytes + bytes.len() as u64;
        if end > self.max_bytes {
            return Err(NotKept::Full);
        }
        let written = self.write(&bytes);
        if written.is_err() {
            // What is there of it is cut off, now or when the file is opened again.
            drop(self.cut(self.bytes));
            written?;
        }
        self.bytes = end;
        Ok(())
    }

    /// All records from where others end, in order, and where these end.
    pub(crate) fn records(&mut self, start: u64) -> io::Result<(Vec<Vec<u8>>, u64)> {
        self.read(start)
    }

    /// Forgets everything, if nothing was added after `end`; tells whether it did.
    pub(crate) fn clear(&mut self, end: u64) -> io::Result<bool> {
        if self.bytes != end {
            return Ok(false);
        }
        self.cut(0)?;
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    fn cut(&mut self, to: u64) -> io::Result<()> {
        self.file.set_len(to)?;
        self.file.sync_data()?;
        self.bytes = to;
        Ok(())
    }

    fn read(&mut self, start: u64) -> io::Result<(Vec<Vec<u8>>, u64)> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_to_end(&mut bytes)?;
        let (records, length) = all(&bytes);
        Ok((records, start + length))
    }
}

/// All whole records, and where they end.
pub(super) fn all(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((record, after)) = first(rest) {
        records.push(record.to_vec());
        rest = after;
    }
    (records, (bytes.len() - rest.len()) as u64)
}

/// The first whole record and what comes after it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (record, after) = rest.split_at_checked(length)?;
    let is_whole = crc32fast::hash(record) == u32::from_le_bytes(*checksum);
    is_whole.then_some((record, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(spool: &mut SpoolFile) -> Vec<String> {
        let (records, _) = spool.records(0).unwrap();
        let texts = records.into_iter().map(String::from_utf8);
        texts.collect::<Result<_, _>>().unwrap()
    }

    /// Opens the file when its lock is free: a process that another test starts has it for as long
    /// as it is a copy of this one.
    fn open_again(folder: &Path) -> SpoolFile {
        loop {
            match SpoolFile::open(folder, 10_000) {
                Err(error) if error.to_string().contains("another ledger") => {}
                opened => return opened.unwrap(),
            }
        }
    }

    #[test]
    fn records_come_back_in_order_after_the_process_died() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = SpoolFile::open(folder.path(), 1_000).unwrap();
        for record in ["one", "", "three"] {
            spool.append(record.as_bytes()).unwrap();
        }
        drop(spool);
        let mut spool = open_again(folder.path());
        assert_eq!(texts(&mut spool), ["one", "", "three"]);
        spool.append(b"four").unwrap();
        assert_eq!(texts(&mut spool).len(), 4);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = SpoolFile::open(folder.path(), 30).unwrap();
        spool.append(b"0123456789").unwrap();
        assert!(matches!(spool.append(b"0123456789"), Err(NotKept::Full)));
        assert_eq!(texts(&mut spool), ["0123456789"]);
    }

    #[test]
    fn only_what_was_read_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = SpoolFile::open(folder.path(), 1_000).unwrap();
        spool.append(b"one").unwrap();
        let (_, end) = spool.records(0).unwrap();
        spool.append(b"two").unwrap();
        assert!(!spool.clear(end).unwrap());
        let (_, end) = spool.records(0).unwrap();
        assert!(spool.clear(end).unwrap());
        assert!(spool.is_empty() && texts(&mut spool).is_empty());
    }

    #[test]
    fn records_can_be_read_from_where_others_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = SpoolFile::open(folder.path(), 1_000).unwrap();
        spool.append(b"one").unwrap();
        let (_, end) = spool.records(0).unwrap();
        spool.append(b"two").unwrap();
        let (records, end) = spool.records(end).unwrap();
        assert_eq!(records, [b"two"]);
        assert_eq!(end, spool.bytes());
        assert_eq!(spool.records(end).unwrap(), (vec![], end));
    }

    #[test]
    fn two_processes_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = SpoolFile::open(folder.path(), 1_000).unwrap();
        let second = SpoolFile::open(folder.path(), 1_000).unwrap_err();
        assert!(second.to_string().contains("another ledger"), "{second}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        #[test]
        fn a_torn_end_costs_the_torn_record_alone(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            torn in 1_u64..20,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut spool = SpoolFile::open(folder.path(), 10_000).unwrap();
            for record in &records {
                spool.append(record).unwrap();
            }
            let last = (HEAD + records[records.len() - 1].len()) as u64;
            let torn = torn.min(last);
            spool.file.set_len(spool.bytes() - torn).unwrap();
            drop(spool);
            let mut spool = open_again(folder.path());
            let (left, _) = spool.records(0).unwrap();
            prop_assert_eq!(&left[..], &records[..records.len() - 1]);
            spool.append(b"next").unwrap();
            let (left, _) = spool.records(0).unwrap();
            prop_assert_eq!(left.len(), records.len());
        }
    }
}
