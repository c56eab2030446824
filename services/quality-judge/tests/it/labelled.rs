//! Short answers, good and bad, with what a person would say of them.

mod code;
mod text;

use terrace_proto::common::v1::FinishReason;
use terrace_proto::common::v1::response_format::Kind;
use terrace_proto::judge::v1::JudgeRequest;

use self::code::CODE;
use self::text::Label::{Good, Hard, Poor, Silent};
use self::text::{CHOICE, Case, JSON, PATTERN, PLAIN, SCHEMA, SCHEMA_TEXT};
use crate::world::{choice, format, json, judge, request, schema, score};

#[derive(Default)]
struct Table {
    cases: usize,
    wrong: Vec<String>,
}

impl Table {
    async fn check(&mut self, case: &Case, prepare: impl Fn(JudgeRequest) -> JudgeRequest) {
        let (check, label, passes, answer) = *case;
        let verdict = judge(prepare(request(answer))).await;
        let found = verdict.checks.iter().find(|found| found.check == check);
        let seen = match found {
            None => Silent,
            Some(found) if found.hard_failure => Hard,
            Some(found) if found.score < 1.0 => Poor,
            Some(_) => Good,
        };
        self.cases += 1;
        if (seen, verdict.passed) != (label, passes) {
            self.wrong.push(format!(
                "{check} says {seen:?} and not {label:?}, passed {}: {answer:?}\n    {:?}",
                verdict.passed, verdict.checks
            ));
        }
    }
}

#[tokio::test]
async fn answers_get_the_label_that_a_person_would_give() {
    let mut table = Table::default();
    for case in PLAIN {
        table.check(case, |request| request).await;
    }
    for (language, case) in CODE {
        let asks_for_code = |request| JudgeRequest {
            code_expected: true,
            code_language: (*language).to_owned(),
            ..request
        };
        table.check(case, asks_for_code).await;
    }
    let pattern = || format(Kind::Regex("[a-z]+(-[a-z]+){0,5}".to_owned()));
    let forms = [
        (JSON, json()),
        (SCHEMA, schema(SCHEMA_TEXT)),
        (CHOICE, choice(&["positive", "negative"])),
        (PATTERN, pattern()),
    ];
    for (cases, form) in forms {
        for case in cases {
            let has_form = |request| JudgeRequest {
                response_format: form.clone(),
                ..request
            };
            table.check(case, has_form).await;
        }
    }
    assert!(table.cases >= 60);
    let Table { cases, wrong } = table;
    assert!(
        wrong.is_empty(),
        "{} of {cases}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn what_the_backend_cut_falls_short_however_good_it_looks() {
    for finish in [FinishReason::Length, FinishReason::ContentFilter] {
        let verdict = judge(JudgeRequest {
            finish_reason: finish.into(),
            ..request("A whole sentence.")
        })
        .await;
        assert!(!verdict.passed);
        assert!(score(&verdict, "empty").unwrap() < 0.5);
    }
}
