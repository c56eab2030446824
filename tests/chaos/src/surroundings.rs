//! What stands around a site that is attacked by faults: wires that can be cut, certificates, small
//! disks and clocks of their own.
//!
//! Every call between two services, the edge's to the orchestrator among them, and from the ledger to
//! PostgreSQL, goes through a relay; those between services over mutual TLS. Disks and clocks need the
//! machine's help; where it gives none they are absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use terrace_testkit::Relay;

/// Whoever is called over a wire.
pub const CALLED: [&str; 7] = [
    "orchestrator",
    "cost-ledger",
    "classifier",
    "quality-judge",
    "gateway-local",
    "gateway-paid",
    "database",
];

/// What a site is given besides itself.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Where PostgreSQL's data are; on a usual disk if absent.
    pub database_disk: Option<Disk>,
    /// Whether a hot standby of PostgreSQL stands by.
    pub has_standby: bool,
    /// Where the standby's data are; on a usual disk if absent.
    pub standby_disk: Option<Disk>,
    /// Where the ledger's spool is; on a usual disk if absent.
    pub spool_disk: Option<Disk>,
    /// The clocks that processes go by; the machine's if absent.
    pub clocks: Option<Clocks>,
}

/// The wires of a site.
#[derive(Debug)]
pub struct Wires(BTreeMap<&'static str, Relay>);

impl Wires {
    /// Lays one to each of these addresses.
    #[must_use]
    pub fn to(addresses: [(&'static str, String); CALLED.len()]) -> Self {
        let wire = |(name, address): (_, String)| (name, Relay::start(&address));
        Self(addresses.into_iter().map(wire).collect())
    }

    /// The wire to one of [`CALLED`].
    ///
    /// # Errors
    /// There is none to it.
    pub fn of(&self, name: &str) -> anyhow::Result<&Relay> {
        self.0
            .get(name)
            .with_context(|| format!("no wire to {name}"))
    }
}

/// A small disk in memory; gone when dropped.
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Makes one of so many mebibytes, where this process may (root).
    #[must_use]
    pub fn of_mib(size: u32) -> Option<Self> {
        let folder = TempDir::with_prefix("terrace-disk.").ok()?;
        let mut mount = Command::new("mount");
        mount
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}m,mode=755"),
                "terrace",
            ])
            .arg(folder.path());
        let done = mount.output().ok()?;
        done.status.success().then_some(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// Something else than a full disk stands in the way.
    pub fn fill(&self) -> anyhow::Result<()> {
        let ballast = std::fs::File::create(self.ballast())?;
        let copied = std::io::copy(&mut std::io::repeat(0), &mut &ballast);
        let full = copied.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull);
        ensure!(full, "{} is not full", self.path().display());
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// It had not been taken.
    pub fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever had a file open there may be ending still.
        let unmount = Command::new("umount").arg("-l").arg(self.path()).output();
        drop(unmount);
    }
}

/// Where Debian's package puts what shows a process another time.
const FAKETIME: &str = "/usr/lib/*-linux-gnu/faketime/libfaketime.so.1";

/// Clocks that can be set, one for each process.
#[derive(Debug)]
pub struct Clocks {
    library: String,
    folder: TempDir,
}

impl Clocks {
    /// Makes them, where libfaketime is installed.
    #[must_use]
    pub fn new() -> Option<Self> {
        let architecture = std::env::consts::ARCH;
        let library = FAKETIME.replace('*', architecture);
        let folder = TempDir::with_prefix("terrace-clocks.").ok()?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), readable).ok()?;
        Path::new(&library)
            .exists()
            .then_some(Self { library, folder })
    }

    /// Sets a clock to the machine's time and so many seconds.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set(&self, whose: &str, ahead_s: i64) -> anyhow::Result<()> {
        let beside = self.file(whose).with_extension("new");
        std::fs::write(&beside, format!("{ahead_s:+}"))?;
        Ok(std::fs::rename(beside, self.file(whose))?)
    }

    /// The variables that have a process go by its clock; time that only passes is the machine's.
    ///
    /// # Errors
    /// The clock cannot be set.
    pub fn variables(&self, whose: &str) -> anyhow::Result<Vec<(String, String)>> {
        self.set(whose, 0)?;
        let file = self.file(whose).display().to_string();
        let pairs = [
            ("LD_PRELOAD", self.library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(pairs.map(owned).to_vec())
    }

    fn file(&self, whose: &str) -> PathBuf {
        self.folder.path().join(whose)
    }
}
