//! `terrace eval --judge`: how well the judge tells right answers from wrong ones, and what it is
//! worth to send those that it doubts to the stronger model.
//!
//! Answers are split half to half, near-twins together, many times: the head and the router learn from one half and are
//! measured on the other. What is told of an answer is kept from all splits that held it out. Where the
//! router has a say, what comes true or not is that the stronger model does no better.

use std::collections::HashSet;

use fastrand::Rng;
use terrace_learned::Head;
use terrace_learned::head::Question;
use terrace_learned::quality::{self, Curve, Interval, Told};
use terrace_quality_judge::head::NAMES;

use super::answers::{self, Answered, Router};
use super::report::{Line, Report};
use crate::args::EvalArgs;
use crate::error::Trouble;
use crate::exit::Exit;
use crate::learn::outcomes::Pair;
use crate::output::Output;

/// Draws of what would have come true if every chance were exactly right.
const DRAWS: usize = 100;

/// Evaluates files and prints a table for each.
pub(in crate::learn) fn eval(output: Output, args: &EvalArgs) -> Result<Exit, Trouble> {
    let pair = Pair {
        weak: args.weak.clone(),
        strong: args.strong.clone(),
    };
    let mut values = Vec::new();
    for file in &args.files {
        let answers = answers::read(file, &pair, &args.answer)?;
        let report = Report {
            file: file.clone(),
            rows: answers.len(),
            right: answers.iter().filter(|answer| answer.right).count(),
            lines: lines(&answers, args),
        };
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

/// The ways to tell, in the order of the table.
const WAYS: [&str; 4] = [
    "length of the answer",
    "router alone",
    "judge alone",
    "router and judge",
];

fn lines(answers: &[Answered], args: &EvalArgs) -> Vec<Line> {
    let mut sums: Vec<Sums> = WAYS.iter().map(|_| Sums::default()).collect();
    for repeat in 0..args.repeats {
        let mut random = Rng::with_seed(args.seed.wrapping_add(repeat as u64));
        let (learn, measure) = halves(answers, &mut random);
        let learn: Vec<&Answered> = learn.iter().filter_map(|at| answers.get(*at)).collect();
        let router = Router::learned_from(&learn);
        let head = Head::train(&NAMES, &answers::judged(&learn, &router));
        for (way, sums) in sums.iter_mut().enumerate() {
            let held_out = measure.iter().filter_map(|at| {
                let answer = answers.get(*at)?;
                Some((*at, answer, chance(way, answer, &head, &router)))
            });
            sums.add(way, &held_out.collect::<Vec<_>>(), &mut random);
        }
    }
    let named = WAYS.into_iter().zip(sums);
    let named = named.enumerate();
    let line = |(way, (name, sums)): (usize, (&str, Sums))| {
        let true_of = answers.iter().map(|answer| came_true(way, answer));
        sums.line(name, &true_of.collect::<Vec<_>>(), args.seed)
    };
    named.map(line).collect()
}

/// The places of two halves, drawn by chance; answers to questions with one opening stay together.
fn halves(answers: &[Answered], random: &mut Rng) -> (Vec<usize>, Vec<usize>) {
    let group = |at: &usize| answers.get(*at).map(|answer| answer.row.example.group);
    let mut groups: Vec<_> = (0..answers.len()).filter_map(|at| group(&at)).collect();
    groups.sort_unstable();
    groups.dedup();
    random.shuffle(&mut groups);
    groups.truncate(groups.len() / 2);
    let learned: HashSet<u64> = groups.into_iter().collect();
    (0..answers.len()).partition(|at| group(at).is_some_and(|group| learned.contains(&group)))
}

/// The chance that an answer is right, as one of [`WAYS`] tells it.
fn chance(way: usize, answer: &Answered, head: &Head, router: &Router) -> f64 {
    match way {
        0 => 1.0 / (1.0 + answer.length),
        1 => router.chance(answer),
        2 => head.opinion(&answer.measures, None).chance,
        _ => {
            let question = Question {
                grams: &answer.row.example.features.grams,
                suffices: router.chance(answer),
            };
            head.opinion(&answer.measures, Some(question)).chance
        }
    }
}

/// Whether what one of [`WAYS`] tells the chance of came true.
const fn came_true(way: usize, answer: &Answered) -> bool {
    match way {
        1 | 3 => answer.row.example.suffices,
        _ => answer.right,
    }
}

/// Sums over the splits.
#[derive(Default)]
struct Sums {
    apgr: Vec<f64>,
    auroc: Vec<f64>,
    resampled: (Vec<f64>, Vec<f64>),
    cpt50: f64,
    cpt80: f64,
    /// Each answer that was held out, with what was told of it.
    told: Vec<(usize, f64)>,
}

impl Sums {
    fn add(&mut self, way: usize, held_out: &[(usize, &Answered, f64)], random: &mut Rng) {
        let curve = |rows: &[(usize, &Answered, f64)]| {
            let scored = rows
                .iter()
                .map(|(_, answer, chance)| answer.row.scored(-chance));
            Curve::of(&scored.collect::<Vec<_>>())
        };
        let auroc = |rows: &[(usize, &Answered, f64)]| {
            let told = rows
                .iter()
                .map(|(_, answer, chance)| (*chance, came_true(way, answer)));
            quality::auroc(&told.collect::<Vec<Told>>())
        };
        let found = curve(held_out);
        self.apgr.push(found.apgr());
        self.auroc.push(auroc(held_out));
        self.cpt50 += found.cpt(0.5);
        self.cpt80 += found.cpt(0.8);
        let told = held_out.iter().map(|(at, _, chance)| (*at, *chance));
        self.told.extend(told);
        let drawn: Vec<_> = (0..held_out.len())
            .filter_map(|_| held_out.get(random.usize(..held_out.len())).copied())
            .collect();
        self.resampled.0.push(curve(&drawn).apgr());
        self.resampled.1.push(auroc(&drawn));
    }

    fn line(self, name: &str, true_of: &[bool], seed: u64) -> Line {
        let repeats = self.apgr.len().max(1) as f64;
        let mean = |figures: &[f64]| figures.iter().sum::<f64>() / repeats;
        let right = |at: usize| true_of.get(at).copied().unwrap_or_default();
        let came_true = self.told.iter().map(|(at, chance)| (*chance, right(*at)));
        // What is no chance has no error as one.
        let is_chance = name != WAYS[0];
        Line {
            name: name.to_owned(),
            apgr: Interval::around(mean(&self.apgr), self.resampled.0),
            auroc: Interval::around(mean(&self.auroc), self.resampled.1),
            cpt50: self.cpt50 / repeats,
            cpt80: self.cpt80 / repeats,
            ece: is_chance.then(|| quality::ece(&came_true.collect::<Vec<Told>>())),
            luck: is_chance.then(|| luck(&self.told, true_of.len(), seed)),
        }
    }
}

/// The error that chances which are exactly right would show on as many answers.
fn luck(told: &[(usize, f64)], answers: usize, seed: u64) -> f64 {
    let mut random = Rng::with_seed(seed);
    let mut sum = 0.0;
    for _ in 0..DRAWS {
        // One draw an answer, however often it was held out.
        let draws: Vec<f64> = (0..answers).map(|_| random.f64()).collect();
        let came_true = told.iter().map(|(at, chance)| {
            let draw = draws.get(*at).copied().unwrap_or(1.0);
            (*chance, draw < *chance)
        });
        sum += quality::ece(&came_true.collect::<Vec<Told>>());
    }
    sum / DRAWS as f64
}
