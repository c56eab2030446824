//! The line of those who wait, as a pure state machine: no clock, no locks, nothing async.
//!
//! Who is next: interactive calls before batch ones, but after eight of those one batch call, so
//! that batch work never stands still; within a class the projects in turn, so that nobody's burst
//! holds up the others; within a project first come, first served. A call of a model that has all
//! of its own places taken is passed over, not waited for.

use std::collections::{BTreeMap, HashMap, VecDeque};

use terrace_domain::ModelName;

use crate::call::Priority;

/// Interactive calls let in before a waiting batch call has its turn.
const PATIENCE_OF_BATCH: u32 = 8;

/// Who is in and who waits.
#[derive(Debug)]
pub(super) struct Line {
    limit: usize,
    model_limits: HashMap<ModelName, usize>,
    in_flight: usize,
    by_model: HashMap<ModelName, usize>,
    interactive: Class,
    batch: Class,
    /// Interactive calls let in since a batch call had to wait for one.
    since_batch: u32,
    next_id: u64,
}

/// The waiting calls of one priority.
#[derive(Debug, Default)]
struct Class {
    /// Projects with somebody waiting, the next one first.
    turns: VecDeque<String>,
    waiting: BTreeMap<String, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    model: ModelName,
}

/// What became of a call that asked to be let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is in.
    Entered,
    /// It waits, and is called by this number.
    Waits(u64),
}

impl Line {
    pub(super) fn new(limit: usize, model_limits: HashMap<ModelName, usize>) -> Self {
        Self {
            limit,
            model_limits,
            in_flight: 0,
            by_model: HashMap::new(),
            interactive: Class::default(),
            batch: Class::default(),
            since_batch: 0,
            next_id: 0,
        }
    }

    /// Lets a call in if there is room and nobody waits before it, else puts it into the line.
    pub(super) fn ask(&mut self, model: &ModelName, project: &str, priority: Priority) -> Asked {
        if self.waiting() == 0 && self.has_room(model) {
            self.enter(model);
            return Asked::Entered;
        }
        let id = self.next_id;
        self.next_id += 1;
        let model = model.clone();
        self.class(priority).push(project, Waiter { id, model });
        Asked::Waits(id)
    }

    /// Lets in whoever can be, and names them.
    pub(super) fn admit(&mut self) -> Vec<u64> {
        let mut admitted = Vec::new();
        while self.in_flight < self.limit {
            let Some(waiter) = self.next() else { break };
            self.enter(&waiter.model);
            admitted.push(waiter.id);
        }
        admitted
    }

    /// A call that was in is over.
    pub(super) fn leave(&mut self, model: &ModelName) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(count) = self.by_model.get_mut(model) {
            *count = count.saturating_sub(1);
        }
    }

    /// Takes a call out of the line; `false` if it is not in it any more.
    pub(super) fn give_up(&mut self, id: u64) -> bool {
        self.interactive.remove(id) || self.batch.remove(id)
    }

    /// Changes how many may be in.
    pub(super) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many may be in.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// How many are in.
    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.interactive.len() + self.batch.len()
    }

    /// How many wait that would have their turn before a new call of this priority; fairness may
    /// let it pass some of them.
    pub(super) fn ahead_of(&self, priority: Priority) -> usize {
        match priority {
            Priority::Interactive => self.interactive.len(),
            Priority::Batch => self.waiting(),
        }
    }

    /// The same of one model alone.
    pub(super) fn ahead_of_model(&self, model: &ModelName, priority: Priority) -> usize {
        match priority {
            Priority::Interactive => self.interactive.count(model),
            Priority::Batch => self.interactive.count(model) + self.batch.count(model),
        }
    }

    /// How many calls of a model may be in, when it has a limit of its own and so many are.
    pub(super) fn full_model(&self, model: &ModelName) -> Option<usize> {
        let most = self.model_limits.get(model).copied()?;
        (!self.model_has_room(model)).then_some(most)
    }

    fn has_room(&self, model: &ModelName) -> bool {
        self.in_flight < self.limit && self.model_has_room(model)
    }

    fn model_has_room(&self, model: &ModelName) -> bool {
        let most = self.model_limits.get(model).copied().unwrap_or(usize::MAX);
        self.by_model.get(model).copied().unwrap_or(0) < most
    }

    fn enter(&mut self, model: &ModelName) {
        self.in_flight += 1;
        *self.by_model.entry(model.clone()).or_insert(0) += 1;
    }

    fn class(&mut self, priority: Priority) -> &mut Class {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Batch => &mut self.batch,
        }
    }

    fn next(&mut self) -> Option<Waiter> {
        let by_model = &self.by_model;
        let limits = &self.model_limits;
        let has_room = |model: &ModelName| {
            let most = limits.get(model).copied().unwrap_or(usize::MAX);
            by_model.get(model).copied().unwrap_or(0) < most
        };
        if self.since_batch >= PATIENCE_OF_BATCH
            && let Some(waiter) = self.batch.next(has_room)
        {
            self.since_batch = 0;
            return Some(waiter);
        }
        if let Some(waiter) = self.interactive.next(has_room) {
            self.since_batch = if self.batch.len() > 0 {
                self.since_batch + 1
            } else {
                0
            };
            return Some(waiter);
        }
        self.since_batch = 0;
        self.batch.next(has_room)
    }
}

impl Class {
    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn count(&self, model: &ModelName) -> usize {
        let waiters = self.waiting.values().flatten();
        waiters.filter(|waiter| &waiter.model == model).count()
    }

    fn push(&mut self, project: &str, waiter: Waiter) {
        let waiting = self.waiting.entry(project.to_owned()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(project.to_owned());
        }
        waiting.push_back(waiter);
    }

    /// The next call whose model has room; its project goes to the end of the turns.
    fn next(&mut self, has_room: impl Fn(&ModelName) -> bool) -> Option<Waiter> {
        for turn in 0..self.turns.len() {
            let waiting = self.waiting.get_mut(&self.turns[turn])?;
            let Some(place) = waiting.iter().position(|waiter| has_room(&waiter.model)) else {
                continue;
            };
            let waiter = waiting.remove(place);
            let project = self.turns.remove(turn)?;
            self.keep_turn(project);
            return waiter;
        }
        None
    }

    /// Puts a project at the end of the turns, if it still has somebody waiting.
    fn keep_turn(&mut self, project: String) {
        if self
            .waiting
            .get(&project)
            .is_some_and(|waiting| !waiting.is_empty())
        {
            self.turns.push_back(project);
        } else {
            self.waiting.remove(&project);
        }
    }

    fn remove(&mut self, id: u64) -> bool {
        for (project, waiting) in &mut self.waiting {
            let Some(place) = waiting.iter().position(|waiter| waiter.id == id) else {
                continue;
            };
            waiting.remove(place);
            if waiting.is_empty() {
                let project = project.clone();
                self.waiting.remove(&project);
                self.turns.retain(|turn| *turn != project);
            }
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests;
