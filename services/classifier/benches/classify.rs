//! How long the classifier takes for a question of 500 characters in process: as shipped, and with what
//! it has learned from traffic.
//!
//! ```text
//! cargo bench -p terrace-classifier --bench classify -- --times 20000 --rounds 5
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::Duration;

use clap::Parser;
use terrace_classifier::classify::Classifier;
use terrace_classifier::markers::Markers;
use terrace_classifier::overrides::Overrides;
use terrace_classifier::request::{Request, Speaker, Turn};
use terrace_classifier::residual;
use terrace_learned::{Lesson, Online};
use tokio::time::Instant;

/// Measures the classifier in this process, on one thread.
#[derive(Debug, Parser)]
struct Args {
    /// Questions classified in each round
    #[arg(long, default_value_t = 20_000)]
    times: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

const QUESTION: &str = "A baker sells loaves for 3 dollars each and rolls for 50 cents. On Monday she \
    sold twice as many rolls as loaves and took 96 dollars in all; on Tuesday she sold five loaves \
    fewer but the same number of rolls, and gave every tenth customer a roll for nothing. How many \
    loaves did she sell on Monday, how much did she take on Tuesday, and by how much would the price \
    of a loaf have to rise so that both days bring the same? Show each step and give the final \
    number on a line of its own.";

fn main() {
    let args = Args::parse();
    let classifier = Classifier::new(
        Overrides::default(),
        Markers::default(),
        residual::built_in(),
    );
    let text: String = QUESTION.chars().take(500).collect();
    let request = Request {
        turns: vec![Turn::new(Speaker::User, text.as_str())],
        ..Request::default()
    };
    let learned = learned(&request);
    for (name, online) in [("as shipped", None), ("with lessons", Some(&learned))] {
        println!("{name}: {} characters", text.chars().count());
        for _ in 0..args.rounds {
            let once = || once(&classifier, &request, online);
            let mut times: Vec<Duration> = (0..args.times).map(|_| once()).collect();
            times.sort_unstable();
            let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
            println!(
                "  p50 {:?}  p99 {:?}  most {:?}",
                at(0.5),
                at(0.99),
                at(1.0)
            );
        }
    }
}

/// What a hundred lessons about the question taught.
fn learned(request: &Request) -> Online {
    let (weights, mut online) = (residual::built_in(), Online::default());
    let reading = terrace_classifier::read(request);
    for _ in 0..100 {
        online.learn(
            &weights,
            &Lesson {
                features: reading.text.clone(),
                prior: reading.prior,
                action: None,
                label: 1,
                gain: Some(0.5),
                models: Vec::new(),
                count: 1.0,
            },
        );
    }
    online
}

fn once(classifier: &Classifier, request: &Request, online: Option<&Online>) -> Duration {
    let begin = Instant::now();
    black_box(classifier.classify_with(black_box(request), online));
    begin.elapsed()
}
