//! Where a request starts and what was weighed for that, as text.

use terrace_proto::router::v1::{CandidateTerms, Plan, PlanDecision};

use crate::style::heading;
use crate::table::{Grid, Tone};
use crate::wording::{clean, lower, model, one_line};

/// What a request is in for, and why.
pub(super) fn line(decision: &PlanDecision) -> String {
    let course = lower(decision.course().as_str_name(), "COURSE_").replace('_', " ");
    format!("Decision: {course}: {}\n", one_line(&decision.why))
}

/// What was weighed of each candidate; empty when nothing was.
pub(super) fn weighed(plan: &Plan, width: Option<u16>) -> String {
    let columns = [
        "tier",
        "model",
        ">quality",
        ">cost",
        ">latency",
        ">value",
        ">with judge",
    ];
    let mut grid = Grid::new(&columns, width);
    let mut any = false;
    for candidate in &plan.candidates {
        let Some(terms) = &candidate.terms else {
            continue;
        };
        any = true;
        let [quality, cost, latency, value] = told(terms);
        let judged = terms.judged_value;
        let judged = judged.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        grid.row([
            (Tone::Plain, clean(&candidate.tier).as_str()),
            (Tone::Plain, &model(&candidate.model, candidate.scripted)),
            (Tone::Plain, &quality),
            (Tone::Plain, &cost),
            (Tone::Plain, &latency),
            (Tone::Plain, &value),
            (Tone::Plain, &judged),
        ]);
    }
    if any {
        format!("{}\n{}", heading("Weighed"), grid.render())
    } else {
        String::new()
    }
}

fn told(terms: &CandidateTerms) -> [String; 4] {
    let less = |term: f64| match term {
        term if term > 0.0 => format!("-{term:.3}"),
        _ => "0".to_owned(),
    };
    [
        format!("{:.3}", terms.quality),
        less(terms.cost),
        less(terms.latency),
        format!("{:.3}", terms.value),
    ]
}
