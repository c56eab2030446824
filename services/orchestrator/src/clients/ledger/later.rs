//! Settlements that no answer waits for: those of requests that cost nothing, where
//! `ledger.durability` is relaxed.
//!
//! They gather for a moment and are sent together, so that the ledger writes many in one
//! transaction. None is given up while its process lives: what the ledger cannot write now is sent
//! again, and at the end of the process it is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use terrace_domain::{Fault, Reason};
use terrace_proto::ledger::v1 as wire;
use terrace_rpc::status::to_failure;
use terrace_runtime::Tasks;
use tokio::time::Instant;

use super::Calls;
use crate::ports::Call;
use crate::route::trail::Attempt;

/// How long settlements gather: long enough for company, and short beside what a crash may lose.
const MOMENT: Duration = Duration::from_millis(10);
/// The most that wait, some two megabytes. Whoever comes then waits for its own.
const MOST: usize = 4096;
/// How long one try may take.
const TRY: Duration = Duration::from_secs(15);
/// Between two tries while the ledger is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long they are tried at the end of the process.
const FAREWELL: Duration = Duration::from_secs(5);

/// Sends settlements after their answers. Clones share what waits.
#[derive(Debug, Clone)]
pub(super) struct Later {
    waiting: Arc<Mutex<Waiting>>,
    tasks: Tasks,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: Vec<wire::SettleRequest>,
    /// Those that are on their way.
    sent: usize,
    /// Whether somebody sends them.
    has_sender: bool,
}

/// Whether nothing was ever held or spent for a request whose attempts all are these.
pub(super) fn is_free(attempts: &[Attempt]) -> bool {
    let is_first = attempts.first().is_none_or(|attempt| attempt.index == 0);
    is_first
        && attempts.iter().all(|attempt| {
            let worst_case = attempt.candidate.worst_case;
            worst_case.is_zero() && attempt.cost.is_zero() && attempt.opinions.is_empty()
        })
}

impl Later {
    /// Sends as detached work of `tasks`.
    pub(super) fn new(tasks: Tasks) -> Self {
        Self {
            waiting: Arc::default(),
            tasks,
        }
    }

    /// Takes a settlement in; hands it back when too many wait.
    pub(super) fn take(
        &self,
        calls: &Calls,
        message: wire::SettleRequest,
    ) -> Result<(), Box<wire::SettleRequest>> {
        let mut waiting = self.waiting();
        if waiting.messages.len() + waiting.sent >= MOST {
            return Err(Box::new(message));
        }
        waiting.messages.push(message);
        let has_sender = std::mem::replace(&mut waiting.has_sender, true);
        drop(waiting);
        if !has_sender {
            let work = self.clone().send_all(calls.clone());
            drop(self.tasks.detach_apart("settle_later", work));
        }
        Ok(())
    }

    /// Sends until nothing waits.
    async fn send_all(self, calls: Calls) {
        let ending = self.tasks.ending();
        let mut give_up: Option<Instant> = None;
        let mut pause = MOMENT;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = ending.cancelled(), if give_up.is_none() => {
                    give_up = Some(Instant::now() + FAREWELL);
                }
            }
            let messages = self.begin();
            if messages.is_empty() {
                return;
            }
            let tries = messages.into_iter().map(|message| once(&calls, message));
            let again: Vec<_> = join_all(tries).await.into_iter().flatten().collect();
            pause = match again.len() {
                0 => MOMENT,
                waiting => {
                    tracing::warn!(
                        waiting,
                        "the ledger is away: free requests are settled later"
                    );
                    PAUSE
                }
            };
            self.end(again);
            if give_up.is_some_and(|end| Instant::now() >= end) {
                return self.lose();
            }
        }
    }

    fn begin(&self) -> Vec<wire::SettleRequest> {
        let mut waiting = self.waiting();
        let messages = std::mem::take(&mut waiting.messages);
        waiting.sent = messages.len();
        waiting.has_sender = !messages.is_empty();
        messages
    }

    fn end(&self, again: Vec<wire::SettleRequest>) {
        let mut waiting = self.waiting();
        waiting.sent = 0;
        waiting.messages.splice(0..0, again);
    }

    fn lose(&self) {
        let lost = std::mem::take(&mut *self.waiting()).messages;
        let ids: Vec<&str> = lost.iter().map(|own| own.request_id.as_str()).collect();
        if !ids.is_empty() {
            tracing::error!(
                ?ids,
                "the ledger was away to the end: free requests are missing from the books"
            );
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No change panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one; hands it back when another try may do better.
async fn once(calls: &Calls, message: wire::SettleRequest) -> Option<wire::SettleRequest> {
    let status = calls
        .settle(message.clone(), Call::within(TRY))
        .await
        .err()?;
    let failure = to_failure(&status);
    let was_late = failure.reason == Reason::DeadlineExceeded;
    if failure.reason.fault() == Fault::Caller && !was_late {
        tracing::error!(
            reason = %failure.reason, request_id = message.request_id, cause = failure.message,
            "the ledger refused the settlement of a free request"
        );
        return None;
    }
    tracing::debug!(reason = %failure.reason, "a free request is settled later still");
    Some(message)
}

#[cfg(test)]
mod tests {
    use terrace_proto::ledger::v1::ledger_service_client::LedgerServiceClient;
    use terrace_rpc::link::Link;
    use terrace_runtime::Shutdown;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn when_too_many_wait_the_next_is_handed_back() {
        let link = Link::network("ledger", "http://127.0.0.1:1").unwrap();
        let calls = Calls {
            stub: LedgerServiceClient::new(link.clone()),
            link,
        };
        let later = Later::new(Tasks::new(Shutdown::new()));
        for _ in 0..MOST {
            later.take(&calls, wire::SettleRequest::default()).unwrap();
        }
        let last = wire::SettleRequest {
            request_id: "last".to_owned(),
            ..wire::SettleRequest::default()
        };
        let back = later.take(&calls, last).unwrap_err();
        assert_eq!(back.request_id, "last");
    }
}
