//! `terrace train`: from outcomes to the classifier's file of weights, or to the judge's.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use terrace_domain::Failure;
use terrace_learned::{Example, Fit};

use super::outcomes::{self, Outcomes, Pair};
use super::{judge, rows, unwritable};
use crate::args::TrainArgs;
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;

/// Trains, and writes the weights.
pub(crate) fn run(output: Output, args: &TrainArgs) -> Exit {
    finish(output, false, train(output, args))
}

fn train(output: Output, args: &TrainArgs) -> Result<Exit, Trouble> {
    if args.judge {
        return judge::train::train(output, args);
    }
    let pair = Pair {
        weak: args.weak.clone(),
        strong: args.strong.clone(),
    };
    let files = args.files.iter().map(|file| outcomes::read(file, &pair));
    let files: Vec<_> = files.collect::<Result<_, Failure>>()?;
    let examples = rows::together(&files);
    let weights = fit(&files, &examples).train(&examples);
    let bytes = weights.to_bytes();
    fs::write(&args.out, &bytes).map_err(|error| unwritable(&args.out, &error))?;
    output.print(&summary(&args.out, &bytes, weights.examples))?;
    Ok(Exit::Fine)
}

/// How hard to shrink: as the rows tell where they are of one comparison, as one's own traffic is.
/// What is learned from several is for traffic that is like none of them, of which their own rows say
/// nothing: it stays shrunk hard.
fn fit(files: &[Outcomes], examples: &[Example]) -> Fit {
    let compared: HashSet<&str> = files.iter().map(|file| file.compared.as_str()).collect();
    if compared.len() > 1 {
        Fit::default()
    } else {
        Fit::default().chosen(examples)
    }
}

/// What was written, from how many rows.
pub(super) fn summary(out: &Path, bytes: &[u8], rows: u32) -> String {
    let checksum = Sha256::digest(bytes);
    let checksum: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}: {} bytes from {rows} rows, sha256 {checksum}\n",
        out.display(),
        bytes.len()
    )
}
