//! `terrace outcome` and `terrace learning`: what became of an answer, and what was learned from it.

use serde_json::json;
use terrace_proto::classifier::v1::{
    GetLearningRequest, GetLearningResponse, RollBackLearningRequest,
};
use terrace_proto::router::v1::ReportOutcomeRequest;
use terrace_proto::router::v1::report_outcome_request::Outcome as WireOutcome;

use crate::args::{LearningArgs, LearningCommand, Outcome, OutcomeArgs};
use crate::client::{Client, soon};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::{Grid, Tone};
use crate::wording::one_line;

/// What is said where nothing is learned.
const OFF: &str = "nothing is learned here: set routing.learning.enabled\n";

/// Reports what became of an answer.
pub(crate) async fn outcome(server: &str, output: &Output, args: &OutcomeArgs) -> Exit {
    let done = Box::pin(report(server, *output, args)).await;
    finish(*output, args.json, done)
}

/// Shows what was learned, or rolls it back.
pub(crate) async fn run(server: &str, output: &Output, args: &LearningArgs) -> Exit {
    let (done, as_json) = match args.command {
        LearningCommand::Status { json } => (Box::pin(status(server, *output, json)).await, json),
        LearningCommand::Rollback { to, all: _, json } => {
            let done = Box::pin(roll_back(server, *output, to, json)).await;
            (done, json)
        }
    };
    finish(*output, as_json, done)
}

async fn report(server: &str, output: Output, args: &OutcomeArgs) -> Result<Exit, Trouble> {
    let outcome = match args.outcome {
        Outcome::Accepted => WireOutcome::Accepted,
        Outcome::Edited => WireOutcome::Edited,
        Outcome::Rejected => WireOutcome::Rejected,
        Outcome::Retried => WireOutcome::Retried,
    };
    let request = ReportOutcomeRequest {
        request_id: args.request_id.clone(),
        outcome: outcome.into(),
    };
    let mut router = Client::new(server)?.router();
    let learned = router.report_outcome(soon(request)).await?.into_inner();
    let learned = learned.learned;
    if args.json {
        output.print_json(&json!({ "learned": learned }))?;
    } else if learned {
        output.print("noted, and learned from\n")?;
    } else {
        output.print("taken, and not learned from: learning is off, or too much is waiting\n")?;
    }
    Ok(Exit::Fine)
}

async fn status(server: &str, output: Output, as_json: bool) -> Result<Exit, Trouble> {
    let mut classifier = Client::new(server)?.classifier();
    let found = classifier.get_learning(soon(GetLearningRequest {})).await?;
    let found = found.into_inner();
    if as_json {
        output.print_json(&value(&found))?;
    } else {
        output.print(&text(&found, output.width()))?;
    }
    Ok(Exit::Fine)
}

async fn roll_back(
    server: &str,
    output: Output,
    number: Option<u64>,
    as_json: bool,
) -> Result<Exit, Trouble> {
    let mut classifier = Client::new(server)?.classifier();
    let request = RollBackLearningRequest { number };
    let left = classifier.roll_back_learning(soon(request)).await?;
    let lessons = left.into_inner().lessons;
    if as_json {
        output.print_json(&json!({ "lessons": lessons }))?;
    } else {
        output.print(&format!("rolled back: {lessons} lessons are left\n"))?;
    }
    Ok(Exit::Fine)
}

fn value(found: &GetLearningResponse) -> serde_json::Value {
    let snapshots = found
        .snapshots
        .iter()
        .map(|own| json!({ "number": own.number, "lessons": own.lessons }));
    json!({
        "enabled": found.enabled,
        "lessons": found.lessons,
        "labels": found.labels,
        "auroc": found.auroc,
        "prior_alone": found.prior_alone,
        "folder": found.folder,
        "snapshots": snapshots.collect::<Vec<_>>(),
    })
}

fn text(found: &GetLearningResponse, width: Option<u16>) -> String {
    if !found.enabled {
        return OFF.to_owned();
    }
    let auroc = match found.auroc {
        Some(auroc) => format!("{auroc:.3} (0.5 is chance)"),
        None => "too few outcomes of either kind".to_owned(),
    };
    let counts = match found.prior_alone {
        true => "nothing: predictions ranked worse than chance, the prior stands alone",
        false => "all that was learned",
    };
    let kept = match found.folder.as_str() {
        "" => "in memory alone: set routing.learning.folder to keep it".to_owned(),
        folder => one_line(folder),
    };
    let mut text = format!(
        "Lessons: {} about {} labels\nAUROC: {auroc}\nCounts: {counts}\nKept: {kept}\n",
        found.lessons, found.labels
    );
    if !found.snapshots.is_empty() {
        let mut grid = Grid::new(&[">snapshot", ">lessons"], width);
        for own in &found.snapshots {
            let (number, lessons) = (own.number.to_string(), own.lessons.to_string());
            grid.row([
                (Tone::Plain, number.as_str()),
                (Tone::Plain, lessons.as_str()),
            ]);
        }
        text += &grid.render();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_proto::classifier::v1::LearningSnapshot;

    #[test]
    fn what_was_learned_is_told_with_what_can_be_gone_back_to() {
        let found = GetLearningResponse {
            enabled: true,
            lessons: 120,
            labels: 3,
            auroc: Some(0.63),
            prior_alone: false,
            folder: "/var/lib/terrace".to_owned(),
            snapshots: vec![LearningSnapshot {
                number: 1,
                lessons: 100,
            }],
        };
        let told = anstream::adapter::strip_str(&text(&found, None)).to_string();
        insta::assert_snapshot!(told, @r"
        Lessons: 120 about 3 labels
        AUROC: 0.630 (0.5 is chance)
        Counts: all that was learned
        Kept: /var/lib/terrace
        snapshot  lessons
               1      100
        ");
    }

    #[test]
    fn where_nothing_is_learned_it_says_how_that_is_changed() {
        let text = text(&GetLearningResponse::default(), None);
        assert!(text.contains("routing.learning.enabled"), "{text}");
    }
}
