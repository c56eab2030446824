//! Release: frees the holds of steps that were never called.

use terrace_domain::{Failure, NanoUsd, RequestId, Step};

use crate::commit::{Commits, Desk, Write};

/// Whose holds to free; no step means all that are open.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) request_id: RequestId,
    pub(crate) steps: Vec<Step>,
}

/// Frees the holds and says how much that was; a second call frees nothing.
pub(crate) async fn release(commits: &Commits, ask: Release) -> Result<NanoUsd, Failure> {
    commits.write(ask).await
}

impl Write for Release {
    type Output = NanoUsd;

    fn request_id(&self) -> RequestId {
        self.request_id
    }

    fn decide(&self, desk: &mut Desk) -> Result<NanoUsd, Failure> {
        let Some(page) = desk.find(self.request_id) else {
            return Ok(NanoUsd::ZERO);
        };
        let entries = page.books.release(&self.steps);
        if !entries.ended.is_empty() {
            desk.enter(self.request_id, &entries);
        }
        Ok(entries.freed)
    }
}
