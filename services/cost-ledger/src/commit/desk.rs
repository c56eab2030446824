//! The desk on which a batch is decided: the books of its requests and the purses of its budgets,
//! as they stand under their locks, and what the batch has changed in them so far.

use std::collections::{BTreeMap, BTreeSet};

use terrace_domain::{Failure, Reason, RequestId, Step};
use time::{Duration, OffsetDateTime};

use super::lent::Lent;
use crate::books::{Books, Close, Entries, Identity};
use crate::budget::Purses;

/// The books of one request and what has changed in them.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) identity: Identity,
    pub(crate) books: Books,
    pub(crate) expires_at: OffsetDateTime,
    /// Whether the database has a row of it.
    pub(crate) stored: bool,
    pub(crate) changes: Changes,
}

/// What of a page has to be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// Anything at all: a new request of which nothing is written leaves no row.
    pub(crate) any: bool,
    pub(crate) close: Option<Close>,
    pub(crate) new_holds: BTreeSet<Step>,
    pub(crate) changed_holds: BTreeSet<Step>,
    pub(crate) new_events: BTreeSet<Step>,
    /// Real events in place of presumed ones that the database has.
    pub(crate) corrected_events: BTreeSet<Step>,
}

impl Page {
    /// The page of a request that the database knows.
    pub(crate) fn stored(identity: Identity, expires_at: OffsetDateTime, books: Books) -> Self {
        Self {
            identity,
            books,
            expires_at,
            stored: true,
            changes: Changes::default(),
        }
    }

    fn new(identity: Identity, now: OffsetDateTime) -> Self {
        Self {
            expires_at: now + Duration::milliseconds(identity.ttl_ms),
            identity,
            books: Books::default(),
            stored: false,
            changes: Changes::default(),
        }
    }

    /// Whether no money was ever held or spent for the request, or presumed to be.
    fn is_free(&self) -> bool {
        self.books.holds.is_empty()
            && self.books.cost().is_zero()
            && self.changes.corrected_events.is_empty()
    }

    fn enter(&mut self, entries: &Entries) {
        for event in &entries.events {
            let step = event.step.step;
            let is_known = self.books.event(step).is_some();
            match is_known && !self.changes.new_events.contains(&step) {
                true => self.changes.corrected_events.insert(step),
                false => self.changes.new_events.insert(step),
            };
        }
        self.books.enter(entries);
        let changes = &mut self.changes;
        changes.any |= !entries.is_empty();
        changes
            .new_holds
            .extend(entries.held.as_ref().map(|hold| hold.step));
        let ended = entries.ended.iter().map(|(step, _)| *step);
        let raised = entries.raised.map(|(step, _)| step);
        let changed = ended.chain(raised);
        changes
            .changed_holds
            .extend(changed.filter(|step| !changes.new_holds.contains(step)));
        if entries.close.is_some() {
            changes.close.clone_from(&entries.close);
        }
    }
}

/// Everything that a batch may change, locked.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The database's clock.
    pub(crate) now: OffsetDateTime,
    pub(crate) purses: Purses,
    pages: BTreeMap<RequestId, Page>,
    pub(super) leases: BTreeMap<RequestId, Lent>,
}

impl Desk {
    pub(crate) const fn new(
        now: OffsetDateTime,
        pages: BTreeMap<RequestId, Page>,
        leases: BTreeMap<RequestId, Lent>,
        purses: Purses,
    ) -> Self {
        Self {
            now,
            purses,
            pages,
            leases,
        }
    }

    /// The page of a request, if anything is known of it.
    pub(crate) fn find(&self, id: RequestId) -> Option<&Page> {
        self.pages.get(&id)
    }

    /// The page of a request, which begins with this if it is new. Refuses another project's, and
    /// another request with the same id.
    pub(crate) fn open(&mut self, identity: &Identity) -> Result<&Page, Failure> {
        let id = identity.request_id;
        let new = || Page::new(identity.clone(), self.now);
        let page = self.pages.entry(id).or_insert_with(new);
        if !page.stored && !page.changes.any {
            // Whoever opened it before was refused.
            *page = new();
        }
        if page.identity.project != identity.project {
            return Err(id_used(id, "belongs to another project"));
        }
        if page.identity.has_other_body(identity) {
            return Err(id_used(id, "was used before for another request"));
        }
        Ok(page)
    }

    /// Enters what a call changes in the books of a request and in the sums of budgets.
    pub(crate) fn enter(&mut self, id: RequestId, entries: &Entries) {
        if let Some(page) = self.pages.get_mut(&id) {
            page.enter(entries);
            self.purses.apply(&entries.periods);
        }
    }

    /// Moves the expiry of an open request to its time to live from now, which may become longer;
    /// returns the expiry.
    pub(crate) fn keep_alive(&mut self, id: RequestId, ttl_ms: i64) -> OffsetDateTime {
        let Some(page) = self.pages.get_mut(&id) else {
            return self.now;
        };
        if page.books.closed.is_none() {
            page.changes.any = true;
            page.identity.ttl_ms = page.identity.ttl_ms.max(ttl_ms);
            let expiry = self.now + Duration::milliseconds(ttl_ms.max(page.identity.ttl_ms));
            page.expires_at = page.expires_at.max(expiry);
        }
        page.expires_at
    }

    /// Whether nothing of what has to be written costs, is held or is lent: no money would be lost
    /// with it.
    pub(crate) fn is_free(&self) -> bool {
        self.changed().all(Page::is_free)
            && self.changed_leases().next().is_none()
            && self.purses.changed().next().is_none()
    }

    /// The leases that have to be written.
    pub(crate) fn changed_leases(&self) -> impl Iterator<Item = &Lent> + Clone {
        self.leases.values().filter(|lent| lent.changed)
    }

    /// The pages that have to be written, in the order in which their rows are locked.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Page> + Clone {
        self.pages.values().filter(|page| page.changes.any)
    }
}

/// The id is another project's, or its request has ended.
pub(crate) fn id_used(id: RequestId, why: &str) -> Failure {
    let message = format!("request_id {id} {why}: send a new request_id");
    Failure::new(Reason::RequestIdUsed, message)
}
