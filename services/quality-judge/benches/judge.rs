//! How long the judge takes for one answer of 2 KB with code: its rules and its learned head.
//!
//! ```text
//! cargo bench -p terrace-quality-judge --bench judge -- --times 5000 --rounds 5
//! ```
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints what it measured and stops at the first thing that is wrong"
)]

use std::hint::black_box;
use std::time::Duration;

use clap::Parser;
use terrace_domain::Score;
use terrace_quality_judge::Judge;
use terrace_quality_judge::answer::{Answer, Case};
use terrace_quality_judge::profile::Profiles;
use tokio::time::Instant;

/// Measures the judge in this process, on one thread.
#[derive(Debug, Parser)]
struct Args {
    /// Answers judged in each round
    #[arg(long, default_value_t = 5000)]
    times: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

const FUNCTION: &str = "def total(prices, discount):
    \"\"\"Adds up prices, less a discount.\"\"\"
    result = 0
    for price in prices:
        if price > 0:
            result += price * (1 - discount)
    return result

";

fn main() {
    let args = Args::parse();
    let judge = Judge::new(Profiles::default()).unwrap();
    let code = FUNCTION.repeat(6);
    let prose = "The function adds up all the prices that are above zero and takes the discount off each.\n";
    let code = format!("Here it is:\n```python\n{code}```\n{}", prose.repeat(8));
    let steps: String = (1..40)
        .map(|step| {
            format!(
                "Step {step}: {step} + {step} = {}, so we go on.\n",
                2 * step
            )
        })
        .collect();
    let question = "Tom has 12 apples and buys 5 a day for 9 days. How many apples does he have?";
    let cases = [
        (
            "code",
            case(&code, "Write a function that adds up prices.", true),
        ),
        ("working", case(&steps, question, false)),
    ];
    for (name, case) in &cases {
        println!("{name}: {} bytes", case.answer.text.len());
        for _ in 0..args.rounds {
            let mut times: Vec<Duration> = (0..args.times).map(|_| once(&judge, case)).collect();
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

fn case(text: &str, question: &str, code_expected: bool) -> Case {
    Case {
        answer: Answer {
            code_expected,
            ..Answer::plain(text).to(question)
        },
        action: String::new(),
        threshold: Score::clamped(0.7),
    }
}

fn once(judge: &Judge, case: &Case) -> Duration {
    let begin = Instant::now();
    black_box(judge.judge(black_box(case)));
    begin.elapsed()
}
