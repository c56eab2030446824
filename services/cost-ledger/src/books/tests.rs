//! The rules of the books, one by one and without a database.

use std::time::Duration;

use terrace_domain::Usage;
use time::macros::datetime;

use super::*;
use crate::outcome::StepOutcome;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
const YESTERDAY: PeriodId = PeriodId(1);
const TODAY: PeriodId = PeriodId(2);

fn usd(nanos: i64) -> NanoUsd {
    NanoUsd::new(nanos)
}

fn target() -> Target {
    Target {
        tier: "api_fallback".parse().unwrap(),
        backend: "anthropic".parse().unwrap(),
        model: "claude-sonnet-4".parse().unwrap(),
    }
}

fn hold(index: u32, amount: i64) -> Hold {
    Hold {
        step: Step::Attempt(index),
        amount: usd(amount),
        periods: vec![YESTERDAY],
        target: target(),
        state: HoldState::Open,
        taken_at: NOW,
    }
}

fn step(index: u32, cost: i64) -> Settlement {
    Settlement {
        step: Step::Attempt(index),
        target: target(),
        outcome: StepOutcome::Accepted,
        reason: None,
        usage: Usage::default(),
        cost: usd(cost),
        score: None,
        started_at: None,
        latency: Duration::ZERO,
        debit: None,
    }
}

fn close(outcome: RequestOutcome) -> Close {
    Close {
        outcome,
        ..Close::presumed()
    }
}

fn holding(holds: impl IntoIterator<Item = Hold>) -> Books {
    Books {
        holds: holds.into_iter().collect(),
        ..Books::default()
    }
}

fn movement(reserved: i64, spent: i64) -> Movement {
    Movement {
        reserved: usd(reserved),
        spent: usd(spent),
        leased: NanoUsd::ZERO,
    }
}

#[test]
fn a_settled_hold_is_freed_whole_and_its_cost_spent_in_its_own_period() {
    let books = holding([hold(0, 100)]);
    assert!(!books.needs_periods(&[step(0, 30)]));
    let entries = books.settle(&[step(0, 30)], |_| vec![TODAY]);
    assert_eq!(entries.periods[&YESTERDAY], movement(-100, 30));
    assert!(!entries.periods.contains_key(&TODAY));
    assert_eq!((entries.freed, entries.added_cost), (usd(100), usd(30)));
}

#[test]
fn a_step_without_a_hold_is_spent_in_the_period_at_hand() {
    let books = Books::default();
    assert!(books.needs_periods(&[step(0, 30)]));
    let entries = books.settle(&[step(0, 30)], |_| vec![TODAY]);
    assert_eq!(entries.periods[&TODAY], movement(0, 30));
}

#[test]
fn a_free_step_touches_no_budget() {
    let entries = Books::default().settle(&[step(0, 0)], |_| vec![TODAY]);
    assert!(entries.periods.is_empty());
    assert_eq!(entries.events.len(), 1);
}

#[test]
fn a_settled_step_is_not_booked_again() {
    let mut books = holding([hold(0, 100)]);
    books.holds[0].state = HoldState::Settled;
    books.events = books.settle(&[step(0, 30)], |_| Vec::new()).events;
    let again = books.settle(&[step(0, 99)], |_| Vec::new());
    assert!(again.events.is_empty() && again.periods.is_empty());
    assert!(books.knows(Step::Attempt(0)) && !books.knows(Step::Attempt(1)));
}

#[test]
fn a_cost_above_its_hold_is_spent_whole_and_told() {
    let entries = holding([hold(0, 100)]).settle(&[step(0, 130)], |_| Vec::new());
    assert_eq!(entries.periods[&YESTERDAY], movement(-100, 130));
    assert_eq!(entries.above_hold, [(Step::Attempt(0), usd(100), usd(130))]);
}

#[test]
fn an_orphan_is_booked_at_its_worst_case_and_closed() {
    let books = holding([hold(0, 100), hold(1, 50)]);
    let entries = books.presume(NOW);
    assert_eq!(entries.periods[&YESTERDAY], movement(-150, 150));
    let outcomes = entries.events.iter().map(|event| event.step.outcome);
    assert!(outcomes.eq([StepOutcome::Presumed; 2]));
    assert_eq!(entries.close.unwrap().outcome, RequestOutcome::Presumed);
}

#[test]
fn the_real_settlement_replaces_a_presumed_one_once() {
    let mut books = holding([hold(0, 100)]);
    books.events = books.presume(NOW).events;
    books.holds[0].state = HoldState::Settled;
    books.closed = Some(RequestOutcome::Presumed);

    let mut entries = books.settle(&[step(0, 30)], |_| Vec::new());
    books.close(close(RequestOutcome::Cancelled), &mut entries);
    assert_eq!(entries.periods[&YESTERDAY], movement(0, -70));
    assert_eq!(entries.added_cost, usd(-70));
    assert!(!entries.after_close);
    assert!(entries.close.is_some());

    books.events = entries.events;
    books.closed = Some(RequestOutcome::Cancelled);
    let mut again = books.settle(&[step(0, 30)], |_| Vec::new());
    books.close(close(RequestOutcome::Failed), &mut again);
    assert!(again.periods.is_empty() && again.close.is_none());
}

#[test]
fn a_step_that_was_skipped_gives_way_to_one_that_was_made_and_never_the_other_way() {
    let mut books = holding([hold(0, 100)]);
    let skipped = Settlement {
        outcome: StepOutcome::Skipped,
        ..step(0, 0)
    };
    books.events = books
        .settle(std::slice::from_ref(&skipped), |_| Vec::new())
        .events;
    books.holds[0].state = HoldState::Settled;
    books.closed = Some(RequestOutcome::Failed);
    let again = books.settle(std::slice::from_ref(&skipped), |_| Vec::new());
    assert!(again.events.is_empty());

    let entries = books.settle(&[step(0, 30)], |_| Vec::new());
    assert_eq!(entries.periods[&YESTERDAY], movement(0, 30));
    assert_eq!(entries.added_cost, usd(30));

    books.events = entries.events;
    assert!(books.settle(&[skipped], |_| Vec::new()).events.is_empty());
    assert!(
        books
            .settle(&[step(0, 30)], |_| Vec::new())
            .events
            .is_empty()
    );
}

#[test]
fn an_end_with_an_answer_stands_over_one_without_and_never_the_other_way() {
    use RequestOutcome::{BestEffort, Cancelled, Failed, Passed};
    for (before, after, stands) in [
        (Failed, Passed, true),
        (Cancelled, BestEffort, true),
        (Passed, Failed, false),
        (BestEffort, Passed, false),
        (Failed, Cancelled, false),
    ] {
        let mut books = holding([]);
        books.closed = Some(before);
        let mut entries = Entries::default();
        books.close(close(after), &mut entries);
        assert_eq!(
            entries.close.is_some(),
            stands,
            "{before:?}, then {after:?}"
        );
    }
}

#[test]
fn a_close_frees_what_its_settlements_leave_open() {
    let books = holding([hold(0, 100), hold(1, 50)]);
    let mut entries = books.settle(&[step(0, 10)], |_| Vec::new());
    books.close(close(RequestOutcome::Failed), &mut entries);
    assert_eq!(entries.periods[&YESTERDAY], movement(-150, 10));
    let freed = (Step::Attempt(1), HoldState::Released);
    assert!(entries.ended.contains(&freed));
}

#[test]
fn a_step_after_the_close_is_booked_and_told() {
    let mut books = holding([hold(0, 100)]);
    books.holds[0].state = HoldState::Released;
    books.closed = Some(RequestOutcome::Failed);
    let entries = books.settle(&[step(0, 10)], |_| Vec::new());
    assert_eq!(entries.periods[&YESTERDAY], movement(0, 10));
    assert!(entries.after_close);
}

#[test]
fn a_release_frees_the_named_holds_or_all() {
    let books = holding([hold(0, 100), hold(1, 50)]);
    assert_eq!(books.release(&[Step::Attempt(1)]).freed, usd(50));
    assert_eq!(books.release(&[Step::Attempt(7)]).freed, usd(0));
    assert_eq!(books.release(&[]).freed, usd(150));
}

#[test]
fn a_hold_of_several_budgets_moves_all_of_them() {
    let mut both = hold(0, 100);
    both.periods.push(TODAY);
    let taken = Entries::hold(both.clone());
    let moved = [(YESTERDAY, movement(100, 0)), (TODAY, movement(100, 0))];
    assert_eq!(taken.periods, moved.into());
    let entries = holding([both]).settle(&[step(0, 30)], |_| Vec::new());
    let moved = [(YESTERDAY, movement(-100, 30)), (TODAY, movement(-100, 30))];
    assert_eq!(entries.periods, moved.into());
}

#[test]
fn a_raise_adds_the_difference_and_never_lowers() {
    let mut books = holding([hold(0, 100)]);
    let raised = books.raise(Step::Attempt(0), usd(130)).unwrap();
    assert_eq!(raised.periods[&YESTERDAY], movement(30, 0));
    books.enter(&raised);
    assert_eq!(books.held(), usd(130));
    for amount in [130, 50] {
        let again = books.raise(Step::Attempt(0), usd(amount)).unwrap();
        assert!(again.periods.is_empty() && again.raised.is_none());
    }
    assert!(books.raise(Step::Attempt(1), usd(10)).is_none());
    books.enter(&books.release(&[]));
    assert!(books.raise(Step::Attempt(0), usd(200)).is_none());
}

#[test]
fn what_is_entered_counts_for_the_next_call() {
    let mut books = Books::default();
    books.enter(&Entries::hold(hold(0, 100)));
    assert_eq!(books.held(), usd(100));
    let mut settled = books.settle(&[step(0, 30)], |_| Vec::new());
    books.close(close(RequestOutcome::Passed), &mut settled);
    books.enter(&settled);
    assert_eq!((books.held(), books.cost()), (usd(0), usd(30)));
    assert_eq!(books.closed, Some(RequestOutcome::Passed));
    assert!(
        books
            .settle(&[step(0, 30)], |_| Vec::new())
            .events
            .is_empty()
    );
}
