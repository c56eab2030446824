//! Heavy work is done on the threads for blocking work.
//!
//! Parsing an answer takes milliseconds in which a runtime thread would serve nobody else, so the
//! work moves away; what is light stays, because the move costs more than the work. At most as many pieces as there are cores run at once; the
//! others wait in line, and one whose caller went away while it waited is never begun.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use terrace_domain::{Failure, Reason};
use tokio::sync::Semaphore;

/// How much work something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Less than the move to another thread.
    Light,
    /// More.
    Heavy,
}

/// The line in front of the threads for blocking work.
#[derive(Debug, Clone)]
pub struct Offload {
    cores: Arc<Semaphore>,
}

impl Default for Offload {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Offload {
    /// Does `work`: here if it is light, else on another thread.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the work panicked on the other thread.
    pub async fn run<T, F>(&self, load: Load, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if load == Load::Light {
            return Ok(work());
        }
        let permit = Arc::clone(&self.cores).acquire_owned().await;
        let span = tracing::Span::current();
        let work = move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _permit = permit;
            let caught = span.in_scope(|| std::panic::catch_unwind(AssertUnwindSafe(work)));
            caught.map_err(|panic| {
                let message = terrace_runtime::tasks::panic_message(&*panic);
                tracing::error!(panic.message = message, "judging panicked");
            })
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.ok()
            .and_then(Result::ok)
            .ok_or_else(|| Failure::new(Reason::Internal, "the judge failed: see its log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn light_work_stays_on_its_thread_and_heavy_work_leaves_it() {
        let here = std::thread::current().id();
        let offload = Offload::default();
        let id = || std::thread::current().id();
        assert_eq!(offload.run(Load::Light, id).await.unwrap(), here);
        assert_ne!(offload.run(Load::Heavy, id).await.unwrap(), here);
    }

    #[tokio::test]
    async fn a_panic_over_there_is_a_failure_here_and_frees_its_place() {
        let offload = Offload {
            cores: Arc::new(Semaphore::new(1)),
        };
        let failed = offload.run(Load::Heavy, || panic!("on purpose")).await;
        let failed: Result<(), Failure> = failed;
        assert_eq!(failed.unwrap_err().reason, Reason::Internal);
        assert_eq!(offload.run(Load::Heavy, || 7).await.unwrap(), 7);
    }
}
