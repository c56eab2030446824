//! Break-even: at how many iterations a day which setup is cheapest.
//!
//! Between two numbers at which somebody rents another machine, every setup's cost is a straight
//! line. Of straight lines, one that is the lowest at both ends is the lowest in between, so
//! halving a range until its ends agree finds every change exactly.

use terrace_config::scenario::{Scenario, Setup};

use crate::cascade::Rates;
use crate::expected::Average;
use crate::gpu::rent;

/// The most pieces that the range is cut into by machines that are full.
const MOST_PIECES: u64 = 20_000;

/// A range of iterations a day, and who is cheapest there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cheapest {
    /// From so many iterations a day
    pub from: u64,
    /// to so many.
    pub to: u64,
    /// The setup, as an index into the scenario's.
    pub setup: usize,
}

/// A setup's cost by iterations a day.
struct Line<'a> {
    index: usize,
    setup: &'a Setup,
    /// Of one iteration a day.
    slope: f64,
}

/// Who is cheapest, from one iteration a day to `most` (or less, when machines are so small that
/// there would be too many of them). Of equals the first.
#[must_use]
pub fn break_even(scenario: &Scenario, days: u32, most: u64) -> Vec<Cheapest> {
    let compared = scenario.setups.iter().enumerate();
    let lines: Vec<Line<'_>> = compared
        .filter(|(_, setup)| setup.in_break_even)
        .map(|(index, setup)| Line {
            index,
            setup,
            slope: Average::of(scenario, setup, Rates::Own).nanos() * f64::from(days),
        })
        .collect();
    let mut found = Vec::new();
    let mut from = 1;
    for to in ends_of_pieces(&lines, most) {
        search(&lines, days, (from, to), &mut found);
        from = to + 1;
    }
    found
}

/// The last number of each piece: where some machine is full, and the end.
fn ends_of_pieces(lines: &[Line<'_>], most: u64) -> Vec<u64> {
    let capacities = lines
        .iter()
        .filter_map(|line| line.setup.gpu?.iterations_per_day);
    let capacities: Vec<u64> = capacities.collect();
    let smallest = capacities.iter().copied().min().unwrap_or(most).max(1);
    let most = most.min(smallest.saturating_mul(MOST_PIECES));
    let mut ends: Vec<u64> = capacities
        .into_iter()
        .flat_map(|each| (1..=most / each).map(move |machines| machines * each))
        .chain([most])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// Adds who is cheapest in a range without a bend.
fn search(lines: &[Line<'_>], days: u32, (from, to): (u64, u64), found: &mut Vec<Cheapest>) {
    let (Some(first), Some(last)) = (cheapest(lines, days, from), cheapest(lines, days, to)) else {
        return;
    };
    if first != last {
        let middle = from + (to - from) / 2;
        search(lines, days, (from, middle), found);
        search(lines, days, (middle + 1, to), found);
        return;
    }
    match found.last_mut() {
        Some(before) if before.setup == first => before.to = to,
        _ => found.push(Cheapest {
            from,
            to,
            setup: first,
        }),
    }
}

fn cheapest(lines: &[Line<'_>], days: u32, iterations: u64) -> Option<usize> {
    let costs = lines.iter().map(|line| {
        let gpu = rent(line.setup, iterations, days).get() as f64;
        (line.index, line.slope * iterations as f64 + gpu)
    });
    let least = costs.reduce(|best, next| if next.1 < best.1 { next } else { best });
    least.map(|(index, _)| index)
}
