//! Where an export goes: a file that appears when it is whole, or standard output.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use terrace_domain::{Failure, Reason};

use crate::error::Trouble;

/// Where rows are written to.
pub(crate) enum Target {
    Stdout(io::Stdout),
    File {
        /// Lies beside the file, and goes away with this value.
        unfinished: NamedTempFile,
        path: PathBuf,
        force: bool,
    },
    /// The file is there.
    Kept,
}

impl Target {
    /// Opens a file beside the wanted one, or standard output for `-`.
    ///
    /// # Errors
    /// The file is there already and `force` is not set, or nothing can be written beside it.
    pub(crate) fn open(path: &Path, force: bool) -> Result<Self, Trouble> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(io::stdout()));
        }
        if !force && path.exists() {
            return Err(taken(path));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let unfinished = tempfile::Builder::new()
            .prefix(".terrace-export-")
            // As any file that a command writes; the umask takes away what it takes away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
            .map_err(|error| cannot(path, &error))?;
        Ok(Self::File {
            unfinished,
            path: path.to_owned(),
            force,
        })
    }

    /// Where to write.
    pub(crate) fn out(&mut self) -> Box<dyn Write + Send + '_> {
        match self {
            Self::Stdout(out) => Box::new(out),
            Self::File { unfinished, .. } => Box::new(unfinished.as_file_mut()),
            Self::Kept => Box::new(io::sink()),
        }
    }

    pub(crate) const fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Gives the file, which is whole now, its name.
    ///
    /// # Errors
    /// The disk is full, or a file of that name has come up meanwhile.
    pub(crate) fn keep(&mut self) -> Result<(), Trouble> {
        if self.is_stdout() {
            return Ok(());
        }
        let Self::File {
            unfinished,
            path,
            force,
        } = std::mem::replace(self, Self::Kept)
        else {
            return Ok(());
        };
        unfinished
            .as_file()
            .sync_all()
            .map_err(|error| cannot(&path, &error))?;
        let kept = if force {
            unfinished.persist(&path)
        } else {
            unfinished.persist_noclobber(&path)
        };
        match kept {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
            Err(failed) => Err(cannot(&path, &failed.error)),
        }
    }
}

fn taken(path: &Path) -> Trouble {
    let name = path.display();
    let message = format!("{name} is there already: write over it with --force, or name another");
    Failure::new(Reason::InvalidRequest, message).into()
}

fn cannot(path: &Path, error: &io::Error) -> Trouble {
    let message = format!("{} cannot be written: {error}", path.display());
    Failure::new(Reason::InvalidRequest, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_appears_when_it_is_whole_and_leaves_nothing_when_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut target = Target::open(&path, false).unwrap();
        target.out().write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(target);
        assert_eq!(files(folder.path()), 0);

        let mut target = Target::open(&path, false).unwrap();
        target.out().write_all(b"whole").unwrap();
        target.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn a_file_that_is_there_is_written_over_by_force_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let mut early = Target::open(&path, false).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(Target::open(&path, false).is_err());
        assert!(early.keep().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let mut target = Target::open(&path, true).unwrap();
        target.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
