//! What becomes of one request under another config.
//!
//! 1. Begin where the other config says, if another rule of its for the action does say it.
//! 2. Walk the recorded attempts from there. A model that the other config has no more is passed
//!    by when its tier is empty now, and ends what is known when another would answer instead.
//! 3. Take the first answer that reaches the other threshold. A verdict that the old threshold does
//!    not explain (the request had one of its own, or was not judged) stands as it is.
//! 4. When nothing is taken and there is a tier above that nobody asked, what it would have said
//!    is not known.

use terrace_config::{Config, Model};
use terrace_domain::{NanoUsd, Score, Step, TierName};

use super::request::{Ended, Request, Row};

/// The config that the rows were made under, and the one to replay them under.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    was: &'a Config,
    other: &'a Config,
    threshold: Score,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate<'a> {
    /// The attempts that are made, in order, and what each costs with its judge.
    pub made: Vec<(&'a Row, NanoUsd)>,
    /// What its caller gets, as far as that is known.
    pub answer: Option<&'a Row>,
    /// Whether that answer reaches the threshold, or nobody asked.
    pub has_passed: bool,
    /// The call that nothing is known of, and what it costs with the same tokens; none when all is
    /// known.
    pub unknown: Option<NanoUsd>,
}

impl Fate<'_> {
    /// What is known to be spent.
    #[must_use]
    pub fn cost(&self) -> NanoUsd {
        self.made.iter().map(|(_, cost)| *cost).sum()
    }
}

/// Where a request begins.
enum Start {
    AsRecorded,
    At(usize),
    Unknown,
}

/// What the other config has in place of a recorded call.
enum Standing {
    Same,
    /// Its tier has other models only.
    Replaced,
    /// Its tier has none.
    Dropped,
}

impl<'a> Change<'a> {
    /// The change from one config to another.
    #[must_use]
    pub const fn new(was: &'a Config, other: &'a Config) -> Self {
        Self {
            was,
            other,
            threshold: other.routing.quality_threshold,
        }
    }

    /// The same with another threshold.
    #[must_use]
    pub const fn with_threshold(self, threshold: Score) -> Self {
        Self { threshold, ..self }
    }

    /// The threshold that answers have to reach.
    #[must_use]
    pub const fn threshold(self) -> Score {
        self.threshold
    }

    /// Whether the old config's price explains what a row cost; so too when it has no price for it.
    #[must_use]
    pub fn explains(self, row: &Row) -> bool {
        let price = model(self.was, row).map(|model| model.price);
        let is_billed = row.usage.input_tokens + row.usage.output_tokens > 0;
        price.is_none_or(|price| !is_billed || price.cost(row.usage) == row.cost)
    }

    /// What becomes of `request`.
    #[must_use]
    pub fn replay<'r>(self, request: &'r Request) -> Fate<'r> {
        let walk = Walk::new(self, request);
        if let Some(row) = request.reused() {
            return walk.reuse(row);
        }
        if request.is_side_by_side() {
            return walk.side_by_side();
        }
        match self.start(request) {
            Start::AsRecorded => walk.from(0, None),
            Start::At(rank) => walk.from(rank, Some(rank)),
            Start::Unknown => walk.unknown(0),
        }
    }

    fn start(self, request: &Request) -> Start {
        let rule = |config: &'a Config| {
            let overrides = &config.routing.action_tier_overrides;
            request
                .action
                .as_ref()
                .and_then(|action| overrides.get(action))
        };
        let (was, other) = (rule(self.was), rule(self.other));
        let first = request.attempts().next().map(|(_, row)| row);
        let first = first.or_else(|| request.reused()).map(|row| &row.tier);
        // A rule that was not followed: the caller had named a tier or a model.
        let was_overruled = was.is_some() && was != first;
        if was == other || was_overruled {
            return Start::AsRecorded;
        }
        let rank = other.and_then(|tier| self.other.tiers.rank(tier));
        rank.map_or(Start::Unknown, |rank| {
            self.tier_from(rank).map_or(Start::Unknown, Start::At)
        })
    }

    fn standing(self, row: &Row) -> Standing {
        let is_new = model(self.was, row).is_none();
        if is_new || model(self.other, row).is_some() {
            return Standing::Same;
        }
        match has_models(self.other, &row.tier) {
            true => Standing::Replaced,
            false => Standing::Dropped,
        }
    }

    /// What a row costs now. One whose price is as it was, or that was billed without tokens,
    /// costs what it did.
    fn price(self, row: &Row) -> NanoUsd {
        let was = model(self.was, row).map(|model| model.price);
        let other = model(self.other, row).map(|model| model.price);
        let is_billed = row.usage.input_tokens + row.usage.output_tokens > 0;
        match other {
            Some(price) if is_billed && was != other => price.cost(row.usage),
            _ => row.cost,
        }
    }

    fn takes(self, row: &Row) -> bool {
        let was_taken = row.ended == Ended::Accepted;
        if row.ended == Ended::Otherwise {
            return false;
        }
        let Some(score) = row.score else {
            return was_taken;
        };
        let is_explained = score.passes(self.was.routing.quality_threshold) == was_taken;
        match is_explained {
            true => score.passes(self.threshold),
            false => was_taken,
        }
    }

    /// The most attempts, if there are fewer now.
    fn limit(self) -> usize {
        let (was, other) = (
            self.was.routing.max_fallback_attempts,
            self.other.routing.max_fallback_attempts,
        );
        let limit = if other < was { other } else { u32::MAX };
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// The first tier from this rank on that has a model.
    fn tier_from(self, rank: usize) -> Option<usize> {
        let mut ranks = rank..self.other.tiers.len();
        ranks.find(|rank| {
            let tier = self.other.tiers.at(*rank);
            tier.is_some_and(|tier| has_models(self.other, &tier.name))
        })
    }

    /// The first tier between two ranks that only the other config has models in.
    fn added_between(self, from: usize, to: usize) -> Option<usize> {
        (from..to).find(|rank| {
            let tier = self.other.tiers.at(*rank).map(|tier| &tier.name);
            tier.is_some_and(|tier| has_models(self.other, tier) && !has_models(self.was, tier))
        })
    }

    fn rank(self, row: &Row) -> Option<usize> {
        self.other.tiers.rank(&row.tier)
    }
}

/// A request on its way.
struct Walk<'a, 'r> {
    change: Change<'a>,
    request: &'r Request,
    made: Vec<(&'r Row, NanoUsd)>,
    /// Below this nothing is called.
    lowest: usize,
    /// The tier that has to be called first, until it was.
    wanted: Option<usize>,
    /// Above all tiers that were asked.
    next: usize,
    /// Whether an answer that was taken is not taken or not made now.
    lost_its_answer: bool,
}

/// What becomes of a recorded attempt.
enum Meeting {
    Called,
    PassedBy,
    /// In this tier something else would be called first.
    Unknown(usize),
}

impl<'a, 'r> Walk<'a, 'r> {
    const fn new(change: Change<'a>, request: &'r Request) -> Self {
        Self {
            change,
            request,
            made: Vec::new(),
            lowest: 0,
            wanted: None,
            next: 0,
            lost_its_answer: false,
        }
    }

    /// Walks from a tier on; `wanted` is the tier that has to be called first.
    fn from(mut self, lowest: usize, wanted: Option<usize>) -> Fate<'r> {
        (self.lowest, self.next, self.wanted) = (lowest, lowest, wanted);
        for (index, row) in self.request.attempts() {
            match self.meet(row) {
                Meeting::PassedBy => continue,
                Meeting::Unknown(rank) => return self.unknown(rank),
                Meeting::Called => self.make(index, row),
            }
            if self.change.takes(row) {
                return self.known(Some(row), true);
            }
            self.leave(row);
            if self.made.len() >= self.change.limit() {
                return self.best();
            }
        }
        self.end()
    }

    fn meet(&mut self, row: &Row) -> Meeting {
        let change = self.change;
        let rank = change.rank(row);
        if rank.is_some_and(|rank| rank < self.lowest) {
            return Meeting::PassedBy;
        }
        let missed = self.wanted.take().filter(|wanted| rank != Some(*wanted));
        let added = || rank.and_then(|rank| change.added_between(self.next, rank));
        if let Some(first) = missed.or_else(added) {
            return Meeting::Unknown(first);
        }
        match change.standing(row) {
            Standing::Same => Meeting::Called,
            Standing::Replaced => Meeting::Unknown(rank.unwrap_or_default()),
            Standing::Dropped => {
                self.leave(row);
                Meeting::PassedBy
            }
        }
    }

    /// Goes on behind an attempt that gives no answer now.
    fn leave(&mut self, row: &Row) {
        self.lost_its_answer |= row.ended == Ended::Accepted;
        self.next = self.change.rank(row).map_or(self.next, |rank| rank + 1);
    }

    /// Nothing was taken. Is there a tier that would be asked and was not?
    fn end(self) -> Fate<'r> {
        let all = self.change.other.tiers.len();
        let not_asked = match (self.wanted, self.lost_its_answer) {
            (Some(wanted), _) => Some(wanted),
            (None, true) => self.change.tier_from(self.next),
            (None, false) => self.change.added_between(self.next, all),
        };
        match not_asked {
            Some(rank) => self.unknown(rank),
            None => self.best(),
        }
    }

    /// Models that were asked at once are asked again, and decide as they did.
    fn side_by_side(mut self) -> Fate<'r> {
        for (index, row) in self.request.attempts() {
            if !matches!(self.change.standing(row), Standing::Same) {
                let rank = self.change.rank(row);
                return self.unknown(rank.unwrap_or_default());
            }
            self.make(index, row);
        }
        let answer = self.request.answer();
        let has_passed = answer.is_some_and(|row| row.ended == Ended::Accepted);
        self.known(answer, has_passed)
    }

    /// Another request's answer is given again, at no cost, if that one would still get it.
    fn reuse(self, row: &'r Row) -> Fate<'r> {
        let (change, was_taken) = (self.change, row.ended == Ended::Accepted);
        let is_same = matches!(change.start(self.request), Start::AsRecorded)
            && matches!(change.standing(row), Standing::Same)
            && change.takes(row) == was_taken;
        let answer = self.request.answer();
        let has_passed = answer.is_some_and(|answer| answer.ended == Ended::Accepted);
        let fate = self.known(answer, has_passed);
        match is_same {
            true => fate,
            false => Fate {
                answer: None,
                has_passed: false,
                unknown: Some(NanoUsd::ZERO),
                ..fate
            },
        }
    }

    /// Makes an attempt, and has its answer judged as it was.
    fn make(&mut self, index: u32, row: &'r Row) {
        let is_judge =
            |row: &&Row| matches!(row.step, Step::Judge { attempt, .. } if attempt == index);
        let judge = self.request.rows.iter().filter(is_judge);
        let judge: NanoUsd = judge.map(|row| self.change.price(row)).sum();
        self.made.push((row, self.change.price(row).plus(judge)));
    }

    /// Nobody passed: the caller gets what it got, if that was made, else the best of what was.
    fn best(self) -> Fate<'r> {
        let was_made = |row: &&Row| self.made.iter().any(|(made, _)| made.step == row.step);
        let had_none = self.request.answer().is_none();
        let scored = self.made.iter().filter(|(row, _)| row.score.is_some());
        let best = scored.max_by(|(a, _), (b, _)| {
            let score = |row: &Row| row.score.map_or(0.0, Score::get);
            score(a).total_cmp(&score(b))
        });
        let answer = self.request.answer().filter(was_made);
        let answer = answer.or_else(|| best.map(|(row, _)| *row).filter(|_| !had_none));
        self.known(answer, false)
    }

    fn known(self, answer: Option<&'r Row>, has_passed: bool) -> Fate<'r> {
        Fate {
            made: self.made,
            answer,
            has_passed,
            unknown: None,
        }
    }

    /// The first model of this tier is called, with the tokens that the last call had.
    fn unknown(self, rank: usize) -> Fate<'r> {
        let rank = self.change.tier_from(rank);
        let tier = rank.and_then(|rank| self.change.other.tiers.at(rank));
        let called = tier.and_then(|tier| tier.models.iter().find(|model| model.enabled));
        let last = self.made.last().map(|(row, _)| *row);
        let row = last.or_else(|| self.request.answer());
        let row = row.or_else(|| self.request.rows.last());
        let usage = row.map(|row| row.usage).unwrap_or_default();
        let cost = called.map(|model| model.price.cost(usage));
        Fate {
            made: self.made,
            answer: None,
            has_passed: false,
            unknown: Some(cost.unwrap_or_default()),
        }
    }
}

/// The model that a row called, if the config has it there and uses it.
fn model<'c>(config: &'c Config, row: &Row) -> Option<&'c Model> {
    let tier = config.tiers.get(&row.tier)?;
    let mut models = tier.models.iter();
    models.find(|model| model.enabled && model.name == row.model)
}

fn has_models(config: &Config, tier: &TierName) -> bool {
    let tier = config.tiers.get(tier);
    tier.is_some_and(|tier| tier.models.iter().any(|model| model.enabled))
}
