//! The proof of the books: a line for each claim, and what is wrong below it.

use terrace_proto::ledger::v1::{VerifyCheck, VerifyResponse};

use crate::style::{BAD, DIM, GOOD, paint};
use crate::wording::clean;

/// Every claim, and one last line.
pub(crate) fn proof(proof: &VerifyResponse) -> String {
    let mut text: String = proof.checks.iter().map(line_of).collect();
    let wrong = proof.checks.iter().filter(|check| check.wrong > 0).count();
    text += &match wrong {
        0 => format!("{}\n", paint(GOOD, "the books are right")),
        1 => format!("{}\n", paint(BAD, "1 claim is not true")),
        _ => format!("{}\n", paint(BAD, format!("{wrong} claims are not true"))),
    };
    text
}

fn line_of(check: &VerifyCheck) -> String {
    if check.wrong == 0 {
        return format!("{}  {}\n", paint(GOOD, "right"), clean(&check.about));
    }
    let mut text = format!(
        "{}  {}: not so for {}\n",
        paint(BAD, "WRONG"),
        clean(&check.about),
        check.wrong
    );
    for finding in &check.findings {
        text += &format!(
            "         {} {}\n",
            clean(&finding.subject),
            clean(&finding.detail)
        );
    }
    let shown = u64::try_from(check.findings.len()).unwrap_or(0);
    if check.wrong > shown {
        let more = format!("and {} more", check.wrong - shown);
        text += &format!("         {}\n", paint(DIM, more));
    }
    text
}
