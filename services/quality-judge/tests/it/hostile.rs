//! Answers and forms that mean harm, over the wire: all are answered, with a reason.

use terrace_domain::Reason;
use terrace_proto::common::v1::{JsonFormat, Role, response_format::Kind};
use terrace_proto::convert::text_message;
use terrace_proto::judge::v1::JudgeRequest;
use terrace_rpc::status::to_failure;

use crate::world::{ask, format, json, judge, request, schema};

const MEGABYTE: usize = 1024 * 1024;

/// A question that every check has something to look for in.
const QUESTION: &str =
    "Tom has 12 apples and 5 pears. How many fruits? Reply with the number only.";

fn to(question: &str, answer: &str) -> JudgeRequest {
    JudgeRequest {
        messages: vec![text_message(Role::User, question)],
        ..request(answer)
    }
}

#[tokio::test]
async fn a_megabyte_of_numbers_equations_or_options_is_judged() {
    for unit in [
        "1 + 1 = 2\n",
        "1 = ",
        "1+",
        "(1+1)=",
        "((((",
        "9",
        "9,999",
        "= ",
        "<<",
        "<<1>>=",
        "1 x 2 = 3 ",
        "A. ",
        "\\boxed{",
        "- 1 ",
        "0.",
        "five ",
        "a ",
        "==",
    ] {
        let answer = unit.repeat(MEGABYTE / unit.len());
        let verdict = judge(to(QUESTION, &answer)).await;
        assert!((0.0..=1.0).contains(&verdict.score), "{unit:?}");
        assert!(!verdict.checks.is_empty(), "{unit:?}");
    }
}

#[tokio::test]
async fn a_megabyte_of_question_is_read_too() {
    for unit in [
        "A. one\nB. two\n",
        "how many 1 ",
        "answer yes or no ",
        "12 ",
        "number only ",
    ] {
        let question = unit.repeat(MEGABYTE / unit.len());
        let verdict = judge(to(&question, "12 + 5 = 17")).await;
        assert!((0.0..=1.0).contains(&verdict.score), "{unit:?}");
    }
}

#[tokio::test]
async fn json_that_nests_without_end_fails_with_a_reason() {
    for unit in ["[", "{\"a\":", "[[1],"] {
        let verdict = judge(JudgeRequest {
            response_format: json(),
            ..request(&unit.repeat(200_000))
        })
        .await;
        let last = verdict.checks.last().unwrap();
        assert!(last.hard_failure && !last.finding.is_empty(), "{unit}");
    }
}

#[tokio::test]
async fn code_that_nests_without_end_in_any_language_is_judged_or_left_alone() {
    for language in ["sql", "yaml", "python", "json", "cpp", "bash"] {
        for unit in ["(", "[", "{", "SELECT (", "- ", "a:\n ", "\"", "*a "] {
            let code = unit.repeat(20_000 / unit.len());
            let verdict = judge(JudgeRequest {
                code_expected: true,
                code_language: language.to_owned(),
                ..request(&format!("```{language}\n{code}\n```"))
            })
            .await;
            assert!((0.0..=1.0).contains(&verdict.score), "{language} {unit:?}");
        }
    }
}

#[tokio::test]
async fn binary_is_judged_like_any_text() {
    let noise: String = (0..200_000_u32)
        .filter_map(|n| char::from_u32(n.wrapping_mul(2_654_435_761) % 0x400))
        .collect();
    for answer in [
        noise.as_str(),
        "\u{0}\u{1}\u{2}",
        "\u{feff}\u{202e}\u{200b}",
    ] {
        let verdict = judge(to(QUESTION, answer)).await;
        assert!(!verdict.passed && !verdict.checks.is_empty());
    }
}

#[tokio::test]
async fn patterns_that_take_for_ever_elsewhere_are_linear_or_refused() {
    for pattern in ["(a+)+$", "(a|aa)+$", "(.*)*x", "^(a?){50}a{50}$"] {
        let verdict = judge(JudgeRequest {
            response_format: format(Kind::Regex(pattern.to_owned())),
            ..request(&format!("{}!", "a".repeat(MEGABYTE)))
        })
        .await;
        assert!(verdict.checks.last().unwrap().hard_failure, "{pattern}");
    }
    for pattern in ["(\\pL{500}){500}", "(?=a)", "\\1"] {
        let refused = ask(JudgeRequest {
            response_format: format(Kind::Regex(pattern.to_owned())),
            ..request("a")
        });
        let failure = to_failure(&refused.await.unwrap_err());
        assert_eq!(failure.reason, Reason::InvalidRequest, "{pattern}");
    }
}

#[tokio::test]
async fn a_schema_that_refers_to_itself_without_end_is_refused_or_bounded() {
    let endless = r##"{"$ref": "#"}"##;
    let asked = ask(JudgeRequest {
        response_format: schema(endless),
        ..request("{}")
    });
    if let Err(status) = asked.await {
        assert_eq!(to_failure(&status).reason, Reason::InvalidRequest);
    }
    let plain = JudgeRequest {
        response_format: format(Kind::Json(JsonFormat {})),
        ..request(&format!("\"{}\"", "\\u0041".repeat(100_000)))
    };
    assert!(judge(plain).await.passed);
}
