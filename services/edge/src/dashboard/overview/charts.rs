//! What the overview draws over time.

use maud::{Markup, html};
use terrace_proto::ledger::v1 as wire;
use time::OffsetDateTime;

use super::range::Range;
use crate::dashboard::chart::{Chart, Series};
use crate::dashboard::format::{at, count, part, percent, seconds, span, usd};

/// A piece of the time; without sums when nothing happened.
type Piece = (OffsetDateTime, Option<wire::Sums>);

/// All charts.
pub(super) fn all(told: &wire::GetSummaryResponse, range: Range) -> Markup {
    let pieces = pieces(told, range);
    let times: Vec<String> = pieces
        .iter()
        .map(|(from, _)| range.label(Some(*from)))
        .collect();
    html! {
        (cost(&pieces, &times).draw())
        (requests(&pieces, &times).draw())
        (quality(&pieces, &times).draw())
        (latency(&pieces, &times).draw())
    }
}

/// The sums of every piece of the time, also where the ledger has none to tell.
fn pieces(told: &wire::GetSummaryResponse, range: Range) -> Vec<Piece> {
    let length = range.bucket_length();
    let (Some(mut next), Some(until)) = (at(told.from.as_ref()), at(told.until.as_ref())) else {
        return Vec::new();
    };
    let mut pieces = Vec::new();
    for group in &told.groups {
        let (Some(from), Some(end)) = (at(group.from.as_ref()), at(group.until.as_ref())) else {
            continue;
        };
        while next + length <= from {
            pieces.push((next, None));
            next += length;
        }
        pieces.push((from, group.sums));
        next = end;
    }
    while next < until {
        pieces.push((next, None));
        next += length;
    }
    pieces
}

/// What every piece has; nothing where nothing happened.
fn values(pieces: &[Piece], value: impl Fn(&wire::Sums) -> Option<f64>) -> Vec<Option<f64>> {
    let value = |(_, sums): &Piece| sums.as_ref().and_then(&value);
    pieces.iter().map(value).collect()
}

/// The same where nothing happened is none: amounts and counts.
fn amounts(pieces: &[Piece], value: impl Fn(&wire::Sums) -> f64) -> Vec<Option<f64>> {
    if pieces.iter().all(|(_, sums)| sums.is_none()) {
        return vec![None; pieces.len()];
    }
    let value = |(_, sums): &Piece| Some(sums.as_ref().map_or(0.0, &value));
    pieces.iter().map(value).collect()
}

const fn line<'a>(name: &'a str, class: &'a str, values: Vec<Option<f64>>) -> Series<'a> {
    Series {
        name,
        class,
        is_filled: false,
        values,
    }
}

fn cost<'a>(pieces: &[Piece], times: &'a [String]) -> Chart<'a> {
    let spent = amounts(pieces, |sums| sums.cost_nano_usd as f64);
    let baseline = amounts(pieces, |sums| sums.baseline_nano_usd as f64);
    Chart {
        title: "Cost against the baseline",
        about: "what was spent, and what the answers would have cost on the baseline model",
        told: |nanos| usd(nanos as i64),
        most: None,
        times,
        series: vec![
            line("baseline", "s4", baseline),
            Series {
                is_filled: true,
                ..line("cost", "s0", spent)
            },
        ],
    }
}

fn requests<'a>(pieces: &[Piece], times: &'a [String]) -> Chart<'a> {
    let all = amounts(pieces, |sums| sums.requests as f64);
    let unanswered = amounts(pieces, |sums| {
        sums.requests.saturating_sub(sums.answered) as f64
    });
    Chart {
        title: "Requests",
        about: "requests that ended, and those of them without an answer",
        told: |number| count(number.round() as u64),
        most: None,
        times,
        series: vec![
            Series {
                is_filled: true,
                ..line("all", "s0", all)
            },
            line("without an answer", "s5", unanswered),
        ],
    }
}

fn quality<'a>(pieces: &[Piece], times: &'a [String]) -> Chart<'a> {
    Chart {
        title: "Quality",
        about: "answers that passed, and answers that needed a higher tier, as parts of all answers",
        told: percent,
        most: Some(1.0),
        times,
        series: vec![
            line(
                "passed",
                "s0",
                values(pieces, |sums| part(sums.passed, sums.answered)),
            ),
            line(
                "escalated",
                "s4",
                values(pieces, |sums| part(sums.escalated, sums.answered)),
            ),
        ],
    }
}

fn latency<'a>(pieces: &[Piece], times: &'a [String]) -> Chart<'a> {
    let quantile = |which: fn(&wire::Latencies) -> Option<prost_types::Duration>| {
        values(pieces, |sums| seconds(which(&sums.latency?).as_ref()))
    };
    Chart {
        title: "Latency",
        about: "from a request's arrival to its answer: median, 90 and 99 of 100",
        told: |seconds| span(Some(seconds)),
        most: None,
        times,
        series: vec![
            line("p50", "s0", quantile(|latency| latency.p50)),
            line("p90", "s2", quantile(|latency| latency.p90)),
            line("p99", "s4", quantile(|latency| latency.p99)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::format::stamp;
    use time::Duration;

    #[test]
    fn a_piece_without_requests_is_there_with_nothing() {
        let from = OffsetDateTime::from_unix_timestamp(1_764_180_000).unwrap();
        let hour = Duration::HOUR;
        let group = |start, end| wire::SummaryGroup {
            from: Some(stamp(start)),
            until: Some(stamp(end)),
            sums: Some(wire::Sums::default()),
            ..wire::SummaryGroup::default()
        };
        let told = wire::GetSummaryResponse {
            from: Some(stamp(from)),
            until: Some(stamp(from + hour * 4)),
            groups: vec![group(from + hour, from + hour * 2)],
            ..wire::GetSummaryResponse::default()
        };
        let pieces = pieces(&told, Range::Day);
        let known: Vec<bool> = pieces.iter().map(|(_, sums)| sums.is_some()).collect();
        assert_eq!(known, [false, true, false, false]);
        assert_eq!(amounts(&pieces, |_| 1.0).len(), 4);
    }
}
