//! Settle: writes down what steps really were, and closes the request if told so.
//!
//! Nothing that was spent is refused: a cost above its hold, a step that was never held and a
//! step of a request that is closed already are booked like any other, with a line in the log.

use std::collections::BTreeMap;

use terrace_domain::{BudgetName, Failure, NanoUsd, Reason, RequestId};
use terrace_telemetry::fields;

use crate::books::{Books, Close, Entries, Identity, PeriodId, Settlement};
use crate::commit::{Commits, Desk, KnownLeases, Page, Write};
use crate::metrics;

/// What steps were, and how the request ended if it has.
#[derive(Debug, Clone)]
pub(crate) struct Settle {
    pub(crate) identity: Identity,
    pub(crate) steps: Vec<Settlement>,
    pub(crate) close: Option<Close>,
}

/// The settlement is durable.
#[derive(Debug)]
pub(crate) struct Settled {
    /// All that the request still holds.
    pub(crate) held: NanoUsd,
    /// All that it has cost so far.
    pub(crate) cost: NanoUsd,
    /// It is on the ledger's disk and not in the database yet: the sums are not known.
    pub(crate) spooled: bool,
    written: Entries,
}

impl Settled {
    /// A settlement that waits on disk.
    pub(crate) fn spooled() -> Self {
        Self {
            held: NanoUsd::ZERO,
            cost: NanoUsd::ZERO,
            spooled: true,
            written: Entries::default(),
        }
    }
}

/// Settles the steps and closes the request.
pub(crate) async fn settle(commits: &Commits, ask: Settle) -> Result<Settled, Failure> {
    commits.write(ask).await
}

impl Write for Settle {
    type Output = Settled;

    fn request_id(&self) -> RequestId {
        self.identity.request_id
    }

    fn leases(&self) -> Vec<RequestId> {
        let debits = self.steps.iter().filter_map(|step| step.debit);
        debits.map(|debit| debit.lease_id).collect()
    }

    fn budgets(&self, page: Option<&Page>) -> Vec<BudgetName> {
        let unknown = Books::default();
        let books = page.map_or(&unknown, |page| &page.books);
        match books.needs_periods(&self.steps) {
            true => self.identity.budgets(),
            false => Vec::new(),
        }
    }

    fn is_outright(&self, leases: &KnownLeases) -> bool {
        let is_paid = |step: &Settlement| match step.debit {
            Some(debit) => leases.knows(debit.lease_id),
            // What has not answered may have been held, and cost nothing all the same.
            None => step.cost.is_zero() && step.outcome.is_answer(),
        };
        self.close.is_some() && !self.steps.is_empty() && self.steps.iter().all(is_paid)
    }

    fn decide(&self, desk: &mut Desk) -> Result<Settled, Failure> {
        let request_id = self.identity.request_id;
        let at_hand = desk.purses.at_hand(&self.identity.budgets());
        let leased = self.leases().into_iter();
        let leased = leased.filter_map(|id| Some((id, desk.periods_of_lease(id)?)));
        let leased: BTreeMap<RequestId, Vec<PeriodId>> = leased.collect();
        self.refuse_leases_of_others(desk)?;
        let books = &desk.open(&self.identity)?.books;
        let mut written = books.settle(&self.steps, |step| {
            let of_lease = step.debit.and_then(|debit| leased.get(&debit.lease_id));
            of_lease.unwrap_or(&at_hand).clone()
        });
        if let Some(close) = &self.close {
            books.close(close.clone(), &mut written);
        }
        let settled = Settled {
            held: books.held().minus(written.freed),
            cost: books.cost().plus(written.added_cost),
            spooled: false,
            written,
        };
        desk.enter(request_id, &settled.written);
        desk.settle_debits(&settled.written.debits);
        desk.keep_alive(request_id, 0);
        Ok(settled)
    }

    fn tell(&self, done: &Result<Settled, Failure>) {
        if let Ok(settled) = done {
            metrics::booked(&settled.written);
            self.warn(&settled.written);
        }
    }
}

impl Settle {
    fn refuse_leases_of_others(&self, desk: &Desk) -> Result<(), Failure> {
        let mut leases = self.leases().into_iter();
        let others = leases.find(|id| {
            let lease = desk.lease(*id);
            lease.is_some_and(|lease| lease.project != self.identity.project)
        });
        others.map_or(Ok(()), |id| {
            let message = format!("the lease {id} belongs to another project");
            Err(Failure::new(Reason::InvalidRequest, message))
        })
    }

    /// Whether no step of it has cost anything.
    pub(crate) fn is_free(&self) -> bool {
        self.steps.iter().all(|step| step.cost.is_zero())
    }

    /// Logs what an operator should hear of.
    fn warn(&self, written: &Entries) {
        let request_id = self.identity.request_id;
        for (step, held, cost) in &written.above_hold {
            tracing::warn!(
                { fields::REQUEST_ID } = %request_id, { fields::STEP } = %step,
                hold.nano_usd = held.get(), { fields::COST } = cost.get(),
                "step cost more than was held for it"
            );
        }
        if written.after_close {
            tracing::warn!({ fields::REQUEST_ID } = %request_id, "step settled after the close");
        }
    }
}
