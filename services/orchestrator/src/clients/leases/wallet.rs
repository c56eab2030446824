//! The leases that are in hand, pure: what may be taken from them, and what has to be said to the
//! ledger about them.
//!
//! Money of a lease is free, or taken for a step that is not settled yet. What is free may be taken
//! until the ledger could think that nobody is here any more. A lease that is retired lends no more
//! and is given back, first what is free, in the end all of it.

use std::collections::HashMap;
use std::time::Duration;

use terrace_domain::{NanoUsd, ProjectName, RequestId, Step};
use terrace_proto::ledger::v1::StepTarget;
use tokio::time::Instant;

/// So many steps of a payer between two looks make its budgets hot.
const HOT: u32 = 10;

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Payer {
    /// The project.
    pub project: ProjectName,
    /// Key that pays as well; empty without one.
    pub key_id: String,
}

/// A step that is to be paid.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who pays.
    pub payer: Payer,
    /// The request, of an id that was made here.
    pub request_id: RequestId,
    /// The step of it.
    pub step: Step,
    /// What it may cost at most.
    pub worst_case: NanoUsd,
    /// What is called, for the row that is written if the lease is lost.
    pub target: StepTarget,
}

/// What was taken for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) lease_id: RequestId,
    pub(super) amount: NanoUsd,
    at: Instant,
}

/// What has to be said to the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Errand {
    /// Ask for a lease.
    Acquire {
        payer: Payer,
        least: NanoUsd,
        most: NanoUsd,
        target: StepTarget,
    },
    /// A sign of life, and by how much it should grow.
    Renew { lease_id: RequestId, more: NanoUsd },
    /// Give back all but this.
    GiveBack {
        lease_id: RequestId,
        outstanding: NanoUsd,
    },
}

/// What the ledger says of a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// When it was asked.
    pub(super) sent: Instant,
    /// All that it ever lent with it.
    pub(super) granted: NanoUsd,
    pub(super) usable_until: Instant,
    /// Somebody else is short of it.
    pub(super) recalled: bool,
}

/// The leases in hand and who has asked for money lately.
#[derive(Debug)]
pub(super) struct Wallet {
    /// As long as the ledger keeps a lease without a sign of life.
    ttl: Duration,
    /// After this a step that nobody settled never will be.
    patience: Duration,
    demands: HashMap<Payer, Demand>,
    leases: HashMap<RequestId, Lease>,
    taken: HashMap<RequestId, Vec<(Step, Taken)>>,
}

/// What a payer has asked for since the last look.
#[derive(Debug)]
struct Demand {
    lease_id: Option<RequestId>,
    steps: u32,
    amount: NanoUsd,
    largest: NanoUsd,
    target: StepTarget,
    last: Instant,
    /// The ledger had nothing to lend: it is not asked before this.
    not_before: Instant,
}

#[derive(Debug)]
struct Lease {
    granted: NanoUsd,
    free: NanoUsd,
    outstanding: NanoUsd,
    usable_until: Instant,
    renewed: Instant,
    retired: bool,
    /// The ledger has given it up.
    lost: bool,
    /// What was taken from it for steps that nobody will settle.
    abandoned: NanoUsd,
    /// What the ledger was last told to be outstanding of a retired one.
    told: Option<NanoUsd>,
}

impl Wallet {
    pub(super) fn new(ttl: Duration, patience: Duration) -> Self {
        Self {
            ttl,
            patience,
            demands: HashMap::new(),
            leases: HashMap::new(),
            taken: HashMap::new(),
        }
    }

    /// Takes the worst case of a step from a lease; says whether that could be.
    pub(super) fn take(&mut self, ask: Ask, now: Instant) -> bool {
        let amount = ask.worst_case;
        let demand = self.demands.entry(ask.payer).or_insert_with(|| Demand {
            lease_id: None,
            steps: 0,
            amount: NanoUsd::ZERO,
            largest: NanoUsd::ZERO,
            target: ask.target,
            last: now,
            not_before: now,
        });
        demand.steps += 1;
        demand.amount = demand.amount.plus(amount);
        demand.largest = demand.largest.max(amount);
        demand.last = now;
        let Some(lease_id) = demand.lease_id else {
            return false;
        };
        let lease = self.leases.get_mut(&lease_id);
        let Some(lease) = lease.filter(|lease| lease.may_take(amount, now)) else {
            return false;
        };
        lease.free = lease.free.minus(amount);
        lease.outstanding = lease.outstanding.plus(amount);
        let taken = Taken {
            lease_id,
            amount,
            at: now,
        };
        let steps = self.taken.entry(ask.request_id).or_default();
        steps.push((ask.step, taken));
        true
    }

    /// What was taken for a step, if it was.
    pub(super) fn taken(&self, request: RequestId, step: Step) -> Option<Taken> {
        let steps = self.taken.get(&request)?;
        let taken = steps.iter().find(|(known, _)| *known == step);
        taken.map(|(_, taken)| *taken)
    }

    /// A step is settled: the ledger knows what it cost.
    pub(super) fn settled(&mut self, request: RequestId, step: Step) {
        let Some(steps) = self.taken.get_mut(&request) else {
            return;
        };
        for (_, taken) in steps.extract_if(.., |(known, _)| *known == step) {
            if let Some(lease) = self.leases.get_mut(&taken.lease_id) {
                lease.outstanding = lease.outstanding.minus(taken.amount);
            }
        }
        if steps.is_empty() {
            self.taken.remove(&request);
        }
    }

    /// A request is over: what was taken for steps of it that were never called is free again.
    pub(super) fn over(&mut self, request: RequestId) {
        for (_, taken) in self.taken.remove(&request).unwrap_or_default() {
            if let Some(lease) = self.leases.get_mut(&taken.lease_id) {
                lease.outstanding = lease.outstanding.minus(taken.amount);
                if !lease.retired {
                    lease.free = lease.free.plus(taken.amount);
                }
            }
        }
    }

    /// Everything that has to be said to the ledger now. Begins the next span of looking.
    pub(super) fn errands(&mut self, now: Instant) -> Vec<Errand> {
        self.give_up_abandoned(now);
        let mut errands = Vec::new();
        for (payer, demand) in &mut self.demands {
            let held = demand.lease_id.filter(|id| {
                let lease = self.leases.get(id);
                lease.is_some_and(|lease| !lease.retired)
            });
            demand.lease_id = held;
            match held.and_then(|id| self.leases.get_mut(&id)) {
                Some(lease) if now - demand.last > self.ttl => lease.retire(),
                Some(_) => {}
                None => errands.extend(demand.errand(payer, now)),
            }
        }
        for (id, lease) in &mut self.leases {
            let demand = self
                .demands
                .values()
                .find(|demand| demand.lease_id == Some(*id));
            let wanted = demand.map_or(NanoUsd::ZERO, Demand::wanted);
            errands.extend(lease.errand(*id, wanted, self.ttl, now));
        }
        self.forget(now);
        errands
    }

    /// The ledger has lent this.
    pub(super) fn acquired(&mut self, payer: &Payer, lease_id: RequestId, told: Told) {
        let Some(demand) = self.demands.get_mut(payer) else {
            return;
        };
        if told.granted.is_zero() {
            demand.not_before = told.sent + self.ttl;
            return;
        }
        demand.lease_id = Some(lease_id);
        self.leases.insert(
            lease_id,
            Lease {
                granted: told.granted,
                free: told.granted,
                outstanding: NanoUsd::ZERO,
                usable_until: told.usable_until,
                renewed: told.sent,
                retired: false,
                lost: false,
                abandoned: NanoUsd::ZERO,
                told: None,
            },
        );
    }

    /// The ledger may have lent something, and nobody heard how much: it is given back.
    pub(super) fn unheard_of(&mut self, payer: &Payer, lease_id: RequestId, now: Instant) {
        let told = Told {
            sent: now,
            granted: NanoUsd::new(1),
            usable_until: now,
            recalled: true,
        };
        self.acquired(payer, lease_id, told);
        self.retire(lease_id, now);
    }

    /// The ledger has heard of it, and all that it ever lent with it is this.
    pub(super) fn renewed(&mut self, lease_id: RequestId, told: Told) {
        let Some(lease) = self.leases.get_mut(&lease_id) else {
            return;
        };
        if !lease.retired {
            lease.free = lease.free.plus(told.granted.minus(lease.granted));
        }
        lease.granted = told.granted;
        lease.usable_until = told.usable_until;
        lease.renewed = told.sent;
        if told.recalled {
            self.retire(lease_id, told.sent);
        }
    }

    /// The ledger has given it up, and presumes that all of it is spent.
    pub(super) fn lost(&mut self, lease_id: RequestId, now: Instant) {
        self.retire(lease_id, now);
        if let Some(lease) = self.leases.get_mut(&lease_id) {
            lease.lost = true;
        }
    }

    /// The ledger knows what is outstanding.
    pub(super) fn given_back(&mut self, lease_id: RequestId, outstanding: NanoUsd) {
        if let Some(lease) = self.leases.get_mut(&lease_id) {
            lease.told = Some(outstanding);
        }
    }

    /// Lends no more from any.
    pub(super) fn retire_all(&mut self) {
        self.leases.values_mut().for_each(Lease::retire);
    }

    /// Whether nothing is in hand any more.
    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    fn retire(&mut self, lease_id: RequestId, now: Instant) {
        if let Some(lease) = self.leases.get_mut(&lease_id) {
            lease.retire();
        }
        let mut demands = self.demands.values_mut();
        if let Some(demand) = demands.find(|demand| demand.lease_id == Some(lease_id)) {
            demand.lease_id = None;
            demand.not_before = now + self.ttl;
        }
    }

    /// A lease from which something was taken that nobody will settle is left to the ledger, which
    /// presumes it to be spent.
    fn give_up_abandoned(&mut self, now: Instant) {
        let patience = self.patience;
        for steps in self.taken.values_mut() {
            for (_, taken) in steps.extract_if(.., |(_, taken)| now - taken.at > patience) {
                if let Some(lease) = self.leases.get_mut(&taken.lease_id) {
                    lease.retire();
                    lease.abandoned = lease.abandoned.plus(taken.amount);
                }
            }
        }
        self.taken.retain(|_, steps| !steps.is_empty());
    }

    fn forget(&mut self, now: Instant) {
        let over = |lease: &Lease| lease.retired && lease.told == Some(lease.abandoned);
        self.leases.retain(|_, lease| !over(lease));
        for demand in self.demands.values_mut() {
            (demand.steps, demand.amount, demand.largest) = (0, NanoUsd::ZERO, NanoUsd::ZERO);
        }
        let ttl = self.ttl;
        self.demands
            .retain(|_, demand| demand.lease_id.is_some() || now - demand.last <= ttl * 2);
    }
}

impl Demand {
    /// What is enough until the next look but one, at the pace of the last.
    fn wanted(&self) -> NanoUsd {
        self.amount.plus(self.amount).plus(self.largest)
    }

    fn errand(&self, payer: &Payer, now: Instant) -> Option<Errand> {
        let is_due = self.steps >= HOT && now >= self.not_before;
        is_due.then(|| Errand::Acquire {
            payer: payer.clone(),
            least: self.largest,
            most: self.wanted(),
            target: self.target.clone(),
        })
    }
}

impl Lease {
    fn may_take(&self, amount: NanoUsd, now: Instant) -> bool {
        !self.retired && now < self.usable_until && amount <= self.free
    }

    fn retire(&mut self) {
        self.retired = true;
        self.free = NanoUsd::ZERO;
    }

    fn errand(
        &self,
        id: RequestId,
        wanted: NanoUsd,
        ttl: Duration,
        now: Instant,
    ) -> Option<Errand> {
        if self.retired && self.told.is_none_or(|told| told > self.outstanding) {
            return Some(Errand::GiveBack {
                lease_id: id,
                outstanding: self.outstanding,
            });
        }
        let more = match self.retired {
            true => NanoUsd::ZERO,
            false => wanted.minus(self.free).max(NanoUsd::ZERO),
        };
        let is_due = now - self.renewed >= ttl / 4 || more > self.free;
        let lives = !self.lost && self.abandoned.is_zero();
        (is_due && lives).then_some(Errand::Renew { lease_id: id, more })
    }
}

#[cfg(test)]
mod tests;
