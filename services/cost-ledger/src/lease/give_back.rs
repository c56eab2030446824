//! Give back: what is not taken of a lease is free again, also of one that was lost.

use terrace_domain::{Failure, NanoUsd, RequestId};

use crate::commit::{Commits, Desk, Write};

/// Which lease, and what of it is still taken.
#[derive(Debug)]
pub(crate) struct GiveBack {
    pub(crate) lease_id: RequestId,
    /// Taken for steps that are not settled; none ends the lease.
    pub(crate) outstanding: NanoUsd,
}

/// Gives a lease back and says how much came free; a second call frees nothing.
pub(crate) async fn give_back(commits: &Commits, ask: GiveBack) -> Result<NanoUsd, Failure> {
    commits.write(ask).await
}

impl Write for GiveBack {
    type Output = NanoUsd;

    fn request_id(&self) -> RequestId {
        self.lease_id
    }

    fn leases(&self) -> Vec<RequestId> {
        vec![self.lease_id]
    }

    fn decide(&self, desk: &mut Desk) -> Result<NanoUsd, Failure> {
        let (id, outstanding) = (self.lease_id, self.outstanding);
        let Some(lease) = desk.lease(id) else {
            return Ok(self.lower_presumed(desk));
        };
        let freed = lease.remaining.minus(outstanding.min(lease.remaining));
        match outstanding.is_zero() {
            true => desk.end_lease(id),
            false => desk.change_lease(id, |lease| {
                lease.remaining = lease.remaining.min(outstanding);
            }),
        }
        Ok(freed)
    }
}

impl GiveBack {
    fn lower_presumed(&self, desk: &mut Desk) -> NanoUsd {
        let Some(page) = desk.find(self.lease_id) else {
            return NanoUsd::ZERO;
        };
        let less = page.books.presume_less(self.outstanding);
        desk.enter(self.lease_id, &less);
        NanoUsd::ZERO.minus(less.added_cost)
    }
}
