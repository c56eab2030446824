//! Something made of files that is made again when they change.
//!
//! Looked at when it is needed and not more often than the config says, so nothing runs in the
//! background and an idle process reads nothing. Files that cannot be used leave what there was:
//! they may be half written, and the next look finds them whole.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use terrace_telemetry::metrics::Counters;
use tokio::time::Instant;

use super::Error;
use super::files::{self, Contents, File};

type Make<T> = dyn Fn(&Contents) -> Result<Arc<T>, Error> + Send + Sync;

static RELOADS: LazyLock<Counters<1>> = LazyLock::new(|| {
    Counters::new(
        "terrace.tls.reloads",
        "Certificates that were found changed, by whether they could be used.",
        ["result"],
    )
});

/// What the files make now.
pub(super) struct Fresh<T> {
    files: Vec<File>,
    make: Box<Make<T>>,
    interval: Duration,
    state: Mutex<State<T>>,
}

struct State<T> {
    contents: Contents,
    made: Arc<T>,
    looked: Instant,
}

impl<T> Fresh<T> {
    /// # Errors
    /// The files cannot be read, or `make` refuses them.
    pub(super) fn open(
        files: Vec<File>,
        interval: Duration,
        make: impl Fn(&Contents) -> Result<Arc<T>, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let contents = files::read(&files)?;
        let made = make(&contents)?;
        Ok(Self {
            files,
            make: Box::new(make),
            interval,
            state: Mutex::new(State {
                contents,
                made,
                looked: Instant::now(),
            }),
        })
    }

    /// What the files make, as of the last look.
    pub(super) fn current(&self) -> Arc<T> {
        // A few small files, once in many seconds: not worth another thread.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= self.interval {
            state.looked = Instant::now();
            self.look_again(&mut state);
        }
        Arc::clone(&state.made)
    }

    fn look_again(&self, state: &mut State<T>) {
        let found = files::read(&self.files);
        let made = match found {
            Ok(contents) if contents == state.contents => return,
            Ok(contents) => (self.make)(&contents).map(|made| (contents, made)),
            Err(error) => Err(error),
        };
        let result = match made {
            Ok((contents, made)) => {
                tracing::info!(
                    key = self.key(),
                    "certificates have changed: new connections use them"
                );
                (state.contents, state.made) = (contents, made);
                "ok"
            }
            Err(error) => {
                tracing::error!(%error, "changed certificates cannot be used: the old ones stay");
                "failed"
            }
        };
        RELOADS.add(1, [result]);
    }

    fn key(&self) -> &'static str {
        self.files.first().map_or("", |file| file.key)
    }
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn first_byte(contents: &Contents) -> Result<Arc<u8>, Error> {
        let first = contents.at(0).first().copied();
        first
            .map(Arc::new)
            .ok_or(Error::Refused(rustls::Error::NoCertificatesPresented))
    }

    #[tokio::test(start_paused = true)]
    async fn what_changed_is_used_after_the_interval_and_what_broke_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert.pem");
        fs::write(&path, b"1").unwrap();
        let file = File::new("tls.cert_file", &path);
        let fresh = Fresh::open(vec![file], INTERVAL, first_byte).unwrap();
        fs::write(&path, b"2").unwrap();
        assert_eq!(*fresh.current(), b'1');
        tokio::time::advance(INTERVAL).await;
        assert_eq!(*fresh.current(), b'2');
        fs::write(&path, b"").unwrap();
        tokio::time::advance(INTERVAL).await;
        assert_eq!(*fresh.current(), b'2');
        fs::remove_file(&path).unwrap();
        tokio::time::advance(INTERVAL).await;
        assert_eq!(*fresh.current(), b'2');
    }
}
