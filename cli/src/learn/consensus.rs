//! `terrace eval --consensus`: what the votes of unequal models are worth beside the best of them.
//!
//! Accuracies are learned from one half of the rows as the classifier learns them from traffic, and the
//! other half is voted on with the orchestrator's own weights and its own reading of numbers. A member
//! whose answer has no number has no vote.

use std::collections::BTreeMap;
use std::path::Path;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use terrace_domain::{Failure, Score};
use terrace_learned::online::Means;
use terrace_learned::quality::{self, Interval, Told};
use terrace_learned::train::label_of;
use terrace_orchestrator::answer::Answer;
use terrace_orchestrator::route::consensus::Equivalence;
use terrace_orchestrator::route::consensus::meaning::{Meaning, in_words};
use terrace_orchestrator::route::consensus::votes::{ALTERNATIVES, weights};

use super::{invalid, outcomes};
use crate::args::EvalArgs;
use crate::error::Trouble;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::heading;
use crate::table::{Grid, Tone};

/// The label that accuracies are learned at: the file is of one kind.
const LABEL: u64 = 1;

/// What one member said, and whether it was right.
#[derive(Debug, Clone, PartialEq)]
struct Vote {
    says: Option<String>,
    right: bool,
}

/// What every member said to one question, in the order of the members.
type Row = Vec<Vote>;

/// Figures of one way to decide.
#[derive(Debug)]
struct Line {
    name: String,
    right: Interval,
    /// Beside the best member.
    more: Interval,
    /// How well the share of votes tells right from wrong; none where nobody votes.
    auroc: Option<f64>,
}

/// Evaluates files and prints a table for each.
pub(super) fn eval(output: Output, args: &EvalArgs) -> Result<Exit, Trouble> {
    let mut values = Vec::new();
    for file in &args.files {
        let (members, rows) = read(file)?;
        let lines = lines(&members, &rows, args);
        if args.json {
            values.push(value(file, rows.len(), &lines));
        } else {
            output.print(&text(file, rows.len(), &lines, output.width()))?;
        }
    }
    if args.json {
        output.print_json(&Value::Array(values))?;
    }
    Ok(Exit::Fine)
}

/// The members of a file and what they said: the weaker model and all under `others`.
fn read(file: &Path) -> Result<(Vec<String>, Vec<Row>), Failure> {
    let objects = outcomes::objects(file)?;
    let name = file.display();
    let others = objects.first().and_then(|(_, first)| first.get("others"));
    let others = others.and_then(Value::as_object);
    let others = others.ok_or_else(|| {
        let wanted =
            "needs answers of several models, as `others`: {MODEL: {solution, is_correct}}";
        invalid(format!("{name}: {wanted}"))
    })?;
    let mut members = vec!["weak".to_owned()];
    members.extend(others.keys().cloned());
    let rows = objects.iter().map(|(line, object)| {
        let votes = members.iter().map(|member| vote(object, member));
        let votes: Option<Row> = votes.collect();
        votes.ok_or_else(|| invalid(format!("{name}:{line}: an answer of a member is missing")))
    });
    let rows = rows.collect::<Result<_, _>>()?;
    Ok((members, rows))
}

fn vote(object: &Map<String, Value>, member: &str) -> Option<Vote> {
    let (answer, right) = if member == "weak" {
        (object.get("weak_answer")?, object.get("weak_correct")?)
    } else {
        let own = object.get("others")?.get(member)?;
        (own.get("solution")?, own.get("is_correct")?)
    };
    let answer = Answer {
        text: answer.as_str()?.to_owned(),
        ..Answer::default()
    };
    let says = in_words(&answer, Equivalence::Number, &[]).ok();
    Some(Vote {
        says: says.and_then(|says| match says {
            Meaning::Said(word) => Some(word),
            Meaning::Direction(_) => None,
        }),
        right: right.as_bool()?,
    })
}

fn lines(members: &[String], rows: &[Row], args: &EvalArgs) -> Vec<Line> {
    let mut ways = [Way::default(), Way::default(), Way::default()];
    for repeat in 0..args.repeats {
        let mut random = Rng::with_seed(args.seed.wrapping_add(repeat as u64));
        let mut order: Vec<&Row> = rows.iter().collect();
        random.shuffle(&mut order);
        let (learn, measure) = order.split_at(rows.len() / 2);
        let known = accuracies(members, learn);
        let best = (0..members.len()).max_by(|a, b| known[*a].get().total_cmp(&known[*b].get()));
        let known: Vec<Option<Score>> = known.iter().copied().map(Some).collect();
        let alone = |row: &Row| {
            (
                row.get(best.unwrap_or_default())
                    .is_some_and(|own| own.right),
                1.0,
            )
        };
        let of_best = share(measure, &alone);
        let equal = weights(&vec![None; members.len()], ALTERNATIVES);
        let weighed = weights(&known, ALTERNATIVES);
        ways[0].add(measure, of_best, &alone);
        ways[1].add(measure, of_best, &|row| decided(row, &equal));
        ways[2].add(measure, of_best, &|row| decided(row, &weighed));
    }
    let names = ["best member", "equal votes", "votes by accuracy"];
    let pairs = names.into_iter().zip(ways).enumerate();
    pairs
        .map(|(place, (name, way))| way.line(name, place > 0))
        .collect()
}

/// How often each member is right, learned as from traffic.
fn accuracies(members: &[String], rows: &[&Row]) -> Vec<Score> {
    let mut means = Means::default();
    for row in rows {
        for (member, vote) in members.iter().zip(*row) {
            let quality = f64::from(u8::from(vote.right));
            means.note_model(LABEL, label_of(member), quality, 1.0);
        }
    }
    let of = |member: &String| Score::clamped(means.accuracy(LABEL, label_of(member)).value);
    members.iter().map(of).collect()
}

/// Whether the group with the most votes is right, and its part of the votes; of equals the one whose
/// first member stands first.
fn decided(row: &Row, weights: &[u64]) -> (bool, f64) {
    let mut groups: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for (place, (vote, weight)) in row.iter().zip(weights).enumerate() {
        if let Some(says) = &vote.says {
            groups.entry(says).or_insert((0, place)).0 += weight;
        }
    }
    let most = groups
        .values()
        .max_by_key(|(votes, first)| (*votes, usize::MAX - first));
    let (votes, first) = most.copied().unwrap_or_default();
    let right = row.get(first).is_some_and(|own| own.right);
    (
        right,
        votes as f64 / weights.iter().sum::<u64>().max(1) as f64,
    )
}

fn share(rows: &[&Row], decide: &dyn Fn(&Row) -> (bool, f64)) -> f64 {
    let right = rows.iter().filter(|row| decide(row).0).count();
    right as f64 / rows.len().max(1) as f64
}

/// Figures of one way over the repeats.
#[derive(Debug, Default)]
struct Way {
    right: Vec<f64>,
    more: Vec<f64>,
    auroc: Vec<f64>,
}

impl Way {
    fn add(&mut self, rows: &[&Row], of_best: f64, decide: &dyn Fn(&Row) -> (bool, f64)) {
        let right = share(rows, decide);
        self.right.push(right);
        self.more.push(right - of_best);
        let told: Vec<Told> = rows
            .iter()
            .map(|row| {
                let (right, share) = decide(row);
                (share, right)
            })
            .collect();
        self.auroc.push(quality::auroc(&told));
    }

    fn line(self, name: &str, votes: bool) -> Line {
        Line {
            name: name.to_owned(),
            right: Interval::around(mean(&self.right), self.right),
            more: Interval::around(mean(&self.more), self.more),
            auroc: votes.then(|| mean(&self.auroc)),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn text(file: &Path, rows: usize, lines: &[Line], width: Option<u16>) -> String {
    let columns = [
        "decided by",
        ">right",
        "95 %",
        ">more than best",
        "95 %",
        ">AUROC",
    ];
    let mut grid = Grid::new(&columns, width);
    let range = |of: Interval| format!("{:.3} – {:.3}", of.low, of.high);
    for line in lines {
        let auroc = line.auroc.map_or_else(String::new, |it| format!("{it:.3}"));
        let cells = [
            line.name.clone(),
            format!("{:.3}", line.right.value),
            range(line.right),
            format!("{:+.3}", line.more.value),
            range(line.more),
            auroc,
        ];
        grid.row(cells.iter().map(|cell| (Tone::Plain, cell.as_str())));
    }
    let title = heading(&file.display().to_string());
    format!(
        "{title}\n{rows} rows, half of them learned from\n{}",
        grid.render()
    )
}

fn value(file: &Path, rows: usize, lines: &[Line]) -> Value {
    let line = |line: &Line| {
        json!({
            "decided_by": line.name,
            "right": line.right.value,
            "right_low": line.right.low,
            "right_high": line.right.high,
            "more_than_best": line.more.value,
            "more_low": line.more.low,
            "more_high": line.more.high,
            "auroc": line.auroc,
        })
    };
    json!({
        "file": file.display().to_string(),
        "rows": rows,
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(says: &str, right: bool) -> Vote {
        Vote {
            says: Some(says.to_owned()),
            right,
        }
    }

    #[test]
    fn the_heavier_group_decides_and_not_the_larger() {
        let row = vec![said("1", true), said("2", false), said("2", false)];
        assert!(!decided(&row, &[1, 1, 1]).0);
        let (right, share) = decided(&row, &[5, 1, 1]);
        assert!(right && (share - 5.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn whoever_says_nothing_was_asked_all_the_same() {
        let silent = Vote {
            says: None,
            right: false,
        };
        let (right, share) = decided(&vec![silent, said("2", true)], &[1, 1]);
        assert!(right && (share - 0.5).abs() < 1e-9);
    }
}
