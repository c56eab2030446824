//! `terrace train --judge`: from answers to the judge's head.

use std::fs;

use terrace_learned::Head;
use terrace_quality_judge::head::NAMES;

use super::answers::{self, Answered, Router};
use crate::args::TrainArgs;
use crate::error::Trouble;
use crate::exit::Exit;
use crate::learn::outcomes::Pair;
use crate::learn::train::summary;
use crate::learn::unwritable;
use crate::output::Output;

/// Trains, and writes the head.
pub(in crate::learn) fn train(output: Output, args: &TrainArgs) -> Result<Exit, Trouble> {
    let pair = Pair {
        weak: args.weak.clone(),
        strong: args.strong.clone(),
    };
    let mut answers = Vec::new();
    for file in &args.files {
        answers.extend(answers::read(file, &pair, &args.answer)?);
    }
    let answers: Vec<&Answered> = answers.iter().collect();
    let router = Router::learned_from(&answers);
    let head = Head::train(&NAMES, &answers::judged(&answers, &router));
    let bytes = head.to_bytes();
    fs::write(&args.out, &bytes).map_err(|error| unwritable(&args.out, &error))?;
    output.print(&summary(&args.out, &bytes, head.examples))?;
    Ok(Exit::Fine)
}
