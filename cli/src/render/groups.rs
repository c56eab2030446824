//! The groups of a summary as a table. With buckets of time each line has the course of its cost.

use std::collections::BTreeMap;

use terrace_proto::ledger::v1::{GetSummaryResponse, SummaryGroup, Sums};

use super::spark::spark;
use crate::style::heading;
use crate::table::{Grid, Tone};
use crate::wording::{clean, money, span, wire_span};

/// The groups of a summary by these dimensions; nothing when it has none.
pub(crate) fn groups(summary: &GetSummaryResponse, by: &[String], width: Option<u16>) -> String {
    let has_buckets = summary.groups.iter().any(|group| group.from.is_some());
    if summary.groups.is_empty() {
        return String::new();
    }
    let table = match (has_buckets, by.is_empty()) {
        (false, _) => flat(summary, by, width),
        (true, true) => by_time(summary, width),
        (true, false) => courses(summary, by, width),
    };
    let by = match by.is_empty() {
        true => "time".to_owned(),
        false => clean(&by.join(", ")),
    };
    format!("{}\n{table}", heading(&format!("By {by}")))
}

const MEASURES: [&str; 10] = [
    ">requests",
    ">passed",
    ">escalated",
    ">score",
    ">tokens",
    ">cost",
    ">baseline",
    ">saved",
    ">p50",
    ">p99",
];

/// A line for each group, and one for all.
fn flat(summary: &GetSummaryResponse, by: &[String], width: Option<u16>) -> String {
    let columns: Vec<&str> = by.iter().map(String::as_str).chain(MEASURES).collect();
    let mut grid = Grid::new(&columns, width);
    for group in &summary.groups {
        let sums = group.sums.unwrap_or_default();
        row(&mut grid, Tone::Plain, named(&group.values), &sums);
    }
    let total = summary.total.unwrap_or_default();
    let mut names = vec![String::new(); by.len()];
    if let Some(first) = names.first_mut() {
        "all".clone_into(first);
    }
    row(&mut grid, Tone::Strong, names, &total);
    grid.render()
}

/// A line for each bucket, with a bar of its cost.
fn by_time(summary: &GetSummaryResponse, width: Option<u16>) -> String {
    let columns: Vec<&str> = ["from", "cost over time"]
        .into_iter()
        .chain(MEASURES)
        .collect();
    let mut grid = Grid::new(&columns, width);
    let costs: Vec<i64> = summary
        .groups
        .iter()
        .map(|group| sums(group).cost_nano_usd)
        .collect();
    let bars: Vec<char> = spark(&costs).chars().collect();
    for (group, bar) in summary.groups.iter().zip(bars) {
        let names = vec![
            super::cost::day_and_time(group.from.as_ref()),
            bar.to_string(),
        ];
        row(&mut grid, Tone::Plain, names, &sums(group));
    }
    let total = summary.total.unwrap_or_default();
    row(
        &mut grid,
        Tone::Strong,
        vec!["all".to_owned(), spark(&costs)],
        &total,
    );
    grid.render()
}

/// A line for each combination of dimensions, with the course of its cost over the buckets.
fn courses(summary: &GetSummaryResponse, by: &[String], width: Option<u16>) -> String {
    let starts = starts(summary);
    let mut lines: BTreeMap<&[String], (Vec<i64>, Sums)> = BTreeMap::new();
    for group in &summary.groups {
        let line = lines.entry(&group.values);
        let (course, all) = line.or_insert_with(|| (vec![0; starts.len()], Sums::default()));
        let sums = sums(group);
        if let Some(place) = starts
            .get(&start_of(group))
            .and_then(|at| course.get_mut(*at))
        {
            *place += sums.cost_nano_usd;
        }
        all.requests += sums.requests;
        all.attempts += sums.attempts;
        all.cost_nano_usd += sums.cost_nano_usd;
        all.savings_nano_usd += sums.savings_nano_usd;
    }
    let measures = [
        "cost over time",
        ">requests",
        ">attempts",
        ">cost",
        ">saved",
    ];
    let columns: Vec<&str> = by.iter().map(String::as_str).chain(measures).collect();
    let mut grid = Grid::new(&columns, width);
    for (values, (course, all)) in &lines {
        let mut cells: Vec<(Tone, String)> = named(values)
            .into_iter()
            .map(|name| (Tone::Plain, name))
            .collect();
        cells.push((Tone::Plain, spark(course)));
        cells.push((Tone::Plain, all.requests.to_string()));
        cells.push((Tone::Plain, all.attempts.to_string()));
        cells.push((Tone::Plain, money(all.cost_nano_usd)));
        cells.push(saved(all));
        grid.row(cells.iter().map(|(tone, text)| (*tone, text.as_str())));
    }
    grid.render()
}

/// Where each bucket stands among those in which anything happened.
fn starts(summary: &GetSummaryResponse) -> BTreeMap<i64, usize> {
    let mut starts: BTreeMap<i64, usize> = summary
        .groups
        .iter()
        .map(|group| (start_of(group), 0))
        .collect();
    for (index, place) in starts.values_mut().enumerate() {
        *place = index;
    }
    starts
}

fn start_of(group: &SummaryGroup) -> i64 {
    group.from.map_or(0, |from| from.seconds)
}

fn sums(group: &SummaryGroup) -> Sums {
    group.sums.unwrap_or_default()
}

/// What dimensions are; a dash where there is nothing.
fn named(values: &[String]) -> Vec<String> {
    let name = |value: &String| match value.as_str() {
        "" => "-".to_owned(),
        value => clean(value),
    };
    values.iter().map(name).collect()
}

fn row(grid: &mut Grid, tone: Tone, names: Vec<String>, sums: &Sums) {
    let usage = sums.usage.unwrap_or_default();
    let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    let latency = sums.latency.unwrap_or_default();
    let quantile = |at: Option<&prost_types::Duration>| at.map(|at| span(wire_span(Some(at))));
    let measures = [
        sums.requests.to_string(),
        share(sums.passed, sums.requests),
        share(sums.escalated, sums.answered),
        sums.mean_score
            .map(|score| format!("{score:.2}"))
            .unwrap_or_default(),
        tokens.to_string(),
        money(sums.cost_nano_usd),
        baseline(sums),
    ];
    let mut cells: Vec<(Tone, String)> = names
        .into_iter()
        .chain(measures)
        .map(|text| (tone, text))
        .collect();
    cells.push(saved(sums));
    for at in [latency.p50, latency.p99] {
        cells.push((tone, quantile(at.as_ref()).unwrap_or_default()));
    }
    grid.row(cells.iter().map(|(tone, text)| (*tone, text.as_str())));
}

/// The baseline, and for how many of the answers it is known if not for all.
fn baseline(sums: &Sums) -> String {
    let amount = money(sums.baseline_nano_usd);
    if sums.baseline_requests == sums.answered {
        return amount;
    }
    format!("{amount} ({}/{})", sums.baseline_requests, sums.answered)
}

fn saved(sums: &Sums) -> (Tone, String) {
    let tone = match sums.savings_nano_usd {
        loss if loss < 0 => Tone::Bad,
        0 => Tone::Plain,
        _ => Tone::Good,
    };
    (tone, money(sums.savings_nano_usd))
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_proto::common::v1::Usage;
    use terrace_proto::ledger::v1::Latencies;

    fn group(hour: i64, values: &[&str], cost: i64, saved: i64) -> SummaryGroup {
        let sums = Sums {
            requests: 4,
            answered: 4,
            passed: 3,
            escalated: 1,
            attempts: 5,
            usage: Some(Usage {
                input_tokens: 100,
                output_tokens: 20,
                ..Usage::default()
            }),
            cost_nano_usd: cost,
            baseline_nano_usd: cost + saved,
            baseline_requests: 3,
            savings_nano_usd: saved,
            mean_score: Some(0.9),
            latency: Some(Latencies {
                p50: Some(prost_types::Duration {
                    seconds: 1,
                    nanos: 0,
                }),
                p90: None,
                p99: Some(prost_types::Duration {
                    seconds: 9,
                    nanos: 0,
                }),
            }),
            ..Sums::default()
        };
        SummaryGroup {
            from: (hour >= 0).then(|| prost_types::Timestamp {
                seconds: 1_750_000_000 + hour * 3600,
                nanos: 0,
            }),
            until: None,
            values: values.iter().map(ToString::to_string).collect(),
            sums: Some(sums),
        }
    }

    fn told(groups: Vec<SummaryGroup>, by: &[&str]) -> String {
        let total = groups[0].sums;
        let summary = GetSummaryResponse {
            total,
            groups,
            ..GetSummaryResponse::default()
        };
        let by: Vec<String> = by.iter().map(ToString::to_string).collect();
        let text = super::groups(&summary, &by, None);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn dimensions_come_first_and_everything_last() {
        insta::assert_snapshot!(told(vec![group(-1, &["local_fast", ""], 0, 900_000), group(-1, &["api_fallback", "x"], 4_000_000, -1)], &["tier", "action"]), @r"
        === By tier, action ===
        tier          action  requests  passed  escalated  score  tokens       cost            baseline          saved    p50    p99
        local_fast    -              4  75.0 %     25.0 %   0.90     120  $0.000000     $0.000900 (3/4)      $0.000900  1.00s  9.00s
        api_fallback  x              4  75.0 %     25.0 %   0.90     120  $0.004000  $0.003999999 (3/4)  -$0.000000001  1.00s  9.00s
        all                          4  75.0 %     25.0 %   0.90     120  $0.000000     $0.000900 (3/4)      $0.000900  1.00s  9.00s
        ");
    }

    #[test]
    fn a_course_has_a_place_for_every_bucket() {
        let groups = vec![
            group(0, &["a"], 1_000_000, 5),
            group(1, &["a"], 8_000_000, 5),
            group(1, &["b"], 2_000_000, 5),
        ];
        let text = told(groups, &["model"]);
        assert!(text.contains("▁█"), "{text}");
        assert!(text.contains(" █ ") || text.contains(" █"), "{text}");
        assert!(text.contains("$0.009000"), "{text}");
    }

    #[test]
    fn buckets_alone_are_lines_with_bars() {
        let text = told(vec![group(0, &[], 1, 5), group(1, &[], 8, 5)], &[]);
        assert!(text.starts_with("=== By time ==="), "{text}");
        assert!(text.contains("2025-06-15 15:06:40 UTC"), "{text}");
    }

    #[test]
    fn without_groups_there_is_nothing() {
        let text = super::groups(&GetSummaryResponse::default(), &["tier".to_owned()], None);
        assert_eq!(text, "");
    }
}
