//! `terrace eval`: what a router is worth on files of outcomes, beside what costs nothing.
//!
//! Whatever learns is fitted anew for each line, on rows that it is not measured with; the shipped
//! weights are measured only when they are named with `--weights`, and only on rows that they have
//! not seen does that say anything.

use std::fs;
use std::path::Path;

use terrace_domain::Failure;
use terrace_learned::Weights;

use super::outcomes::{self, Outcomes, Pair};
use super::report::{Line, Report};
use super::rows::{self, Row};
use super::splits::{self, Figures, Split, Times};
use super::{consensus, invalid, judge, svg, unwritable};
use crate::args::EvalArgs;
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;

/// Numbers of labels that people start with.
const LABELS: [usize; 3] = [50, 1500, 2000];

/// Evaluates files and prints a table for each.
pub(crate) fn run(output: Output, args: &EvalArgs) -> Exit {
    finish(output, args.json, eval(output, args))
}

fn eval(output: Output, args: &EvalArgs) -> Result<Exit, Trouble> {
    if let Some(file) = &args.judge_set {
        return judge::set::eval(output, file, args.json);
    }
    if args.judge {
        return judge::eval::eval(output, args);
    }
    if args.consensus {
        return consensus::eval(output, args);
    }
    let pair = Pair {
        weak: args.weak.clone(),
        strong: args.strong.clone(),
    };
    let weights = args.weights.as_deref().map(read_weights).transpose()?;
    let mut values = Vec::new();
    for file in &args.files {
        let outcomes = outcomes::read(file, &pair)?;
        let report = report(file, &outcomes, weights.as_ref(), args);
        if let Some(folder) = &args.svg {
            draw(folder, file, &report)?;
        }
        if args.json {
            values.push(report.value());
        } else {
            output.print(&report.text(output.width()))?;
        }
    }
    if args.json {
        output.print_json(&serde_json::Value::Array(values))?;
    }
    Ok(Exit::Fine)
}

fn read_weights(path: &Path) -> Result<Weights, Failure> {
    let name = path.display();
    let bytes =
        fs::read(path).map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
    Weights::from_bytes(&bytes).map_err(|error| invalid(format!("{name} {error}")))
}

fn draw(folder: &Path, file: &Path, report: &Report) -> Result<(), Failure> {
    let stem = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    let stem = stem.split('.').next().unwrap_or("curve");
    let path = folder.join(format!("{stem}.svg"));
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    fs::write(&path, svg::draw(report)).map_err(|error| unwritable(&path, &error))
}

fn report(file: &Path, outcomes: &Outcomes, weights: Option<&Weights>, args: &EvalArgs) -> Report {
    let rows = rows::all(outcomes);
    let times = Times {
        repeats: args.repeats,
        seed: args.seed,
    };
    let mut lines = untrained(&rows, times);
    lines.extend(trained(&rows, times));
    if let Some(weights) = weights {
        let figures = splits::fixed(&rows, times, |row| {
            weights.gain(&row.example.features, row.example.prior, None)
        });
        lines.push(line("given weights".to_owned(), true, figures));
    }
    let count = rows.len().max(1) as f64;
    Report {
        file: file.to_owned(),
        compared: outcomes.compared.clone(),
        rows: rows.len(),
        weak: outcomes.rows.iter().map(|row| row.weak).sum::<f64>() / count,
        strong: outcomes.rows.iter().map(|row| row.strong).sum::<f64>() / count,
        lines,
    }
}

const fn line(name: String, learned: bool, figures: Figures) -> Line {
    Line {
        name,
        learned,
        figures,
    }
}

/// What has learned nothing from any row.
fn untrained(rows: &[Row], times: Times) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, score: &dyn Fn(&Row) -> f64| {
        lines.push(line(
            name.to_owned(),
            false,
            splits::fixed(rows, times, score),
        ));
    };
    add("chance", &|_| 0.0);
    add("length", &|row| row.length);
    add("hand-made prior", &|row| row.example.prior);
    add("oracle", &|row| row.gain);
    lines
}

/// What learns from a part of the rows.
fn trained(rows: &[Row], times: Times) -> Vec<Line> {
    let mut labels: Vec<_> = rows.iter().filter_map(|row| row.example.label).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut splits: Vec<(String, Split)> = LABELS
        .iter()
        .filter(|count| rows.len() >= **count * 2)
        .map(|count| (format!("{count} labels"), Split::Labels(*count)))
        .collect();
    splits.push(("half to half".to_owned(), Split::Half));
    let mut lines = Vec::new();
    for (name, split) in splits {
        let without = splits::learned(rows, split, false, times);
        lines.push(line(name.clone(), true, without));
        if labels.len() > 1 {
            let with = splits::learned(rows, split, true, times);
            lines.push(line(format!("{name}, action known"), true, with));
        }
    }
    if labels.len() > 3 {
        let unseen = splits::learned(rows, Split::UnseenLabels, false, times);
        lines.push(line("actions not seen".to_owned(), true, unseen));
    }
    lines
}
