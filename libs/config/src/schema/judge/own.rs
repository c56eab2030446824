//! What a user adds to the judge: rules in CEL, and judges of their own.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use crate::decode::Section;
use crate::expression::Expression;
use crate::read::{self, boolean, duration, number};

/// The most rules, and the most other judges.
const MAX_RULES: usize = 50;
const MAX_EXTERNAL: usize = 8;
/// How long another judge may be asked.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it is asked when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest name.
const MAX_NAME_BYTES: usize = 64;

/// A rule of the user's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name in findings, after `rule/`.
    pub name: String,
    /// Which answers it is for; all of them without it.
    pub when: Option<Expression>,
    /// What has to hold: a truth, or a score from 0 to 1.
    pub expression: Expression,
    /// Whether an answer that breaks it fails by that alone.
    pub hard: bool,
    /// How much it counts, 0 to 10.
    pub weight: f64,
}

/// A judge of the user's own, behind `JudgeService`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalJudge {
    /// Its name in findings, after `external/`.
    pub name: String,
    /// Where it listens.
    pub url: Url,
    /// How long it is waited for.
    pub timeout: Duration,
    /// How much its score counts, 0 to 10.
    pub weight: f64,
    /// Whether an answer that it does not pass fails by that alone.
    pub hard: bool,
    /// Whether an answer is judged without it when it does not answer in time.
    pub required: bool,
}

impl Rule {
    pub(super) fn all(section: &mut Section<'_, '_>) -> Vec<Self> {
        let mut names = BTreeSet::new();
        let given = section.items("rules", |section| {
            let name = name(section, &mut names);
            let when = section.get("when", read::name);
            let expression = section.required("expression", read::name);
            let hard = section.or("hard", false, boolean);
            let weight = section.or("weight", 1.0, number(0.0..=10.0));
            Some(Self {
                name: name?,
                when,
                expression: expression?,
                hard,
                weight,
            })
        });
        let rules: Vec<_> = given.into_iter().flatten().flatten().collect();
        if rules.len() > MAX_RULES {
            section.problem("rules", format!("has to have at most {MAX_RULES} rules"));
        }
        rules
    }
}

impl ExternalJudge {
    pub(super) fn all(section: &mut Section<'_, '_>) -> Vec<Self> {
        let mut names = BTreeSet::new();
        let given = section.items("external", |section| {
            let name = name(section, &mut names);
            let url = section.required("url", read::url);
            let timeout = section.or(
                "timeout",
                TIMEOUT,
                duration(Duration::from_millis(1)..=MAX_TIMEOUT),
            );
            let weight = section.or("weight", 1.0, number(0.0..=10.0));
            let hard = section.or("hard", false, boolean);
            let required = section.or("required", false, boolean);
            Some(Self {
                name: name?,
                url: url?,
                timeout,
                weight,
                hard,
                required,
            })
        });
        let judges: Vec<_> = given.into_iter().flatten().flatten().collect();
        if judges.len() > MAX_EXTERNAL {
            let message = format!("has to have at most {MAX_EXTERNAL} judges");
            section.problem("external", message);
        }
        judges
    }
}

/// A name that no other has.
fn name(section: &mut Section<'_, '_>, names: &mut BTreeSet<String>) -> Option<String> {
    let name = section.required("name", read::word)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.len() > MAX_NAME_BYTES || !name.chars().all(is_plain) {
        let message = "has to have at most 64 letters, digits, and `_`, `-` or `.`";
        section.problem("name", message);
        return None;
    }
    if !names.insert(name.clone()) {
        section.problem("name", format!("is `{name}` twice"));
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use crate::load::parse;

    fn problems(judge: &str) -> String {
        let text = format!("judge:\n{judge}");
        parse(&text, "t.yaml", []).unwrap_err().to_string()
    }

    #[test]
    fn rules_and_judges_are_read_with_their_defaults() {
        let text = "judge:\n  rules:\n  - {name: cites, when: action == 'cite', expression: answer.contains('http'), hard: true}\n  external:\n  - {name: mine, url: \"http://127.0.0.1:9\"}\n";
        let judge = parse(text, "t.yaml", []).unwrap().config.judge;
        assert_eq!(judge.rules[0].name, "cites");
        assert!(judge.rules[0].hard && judge.rules[0].when.is_some());
        let mine = &judge.external[0];
        assert_eq!(mine.timeout.as_secs(), 2);
        assert!(!mine.hard && !mine.required);
    }

    #[test]
    fn a_wrong_expression_is_reported_with_its_line() {
        let found = problems("  rules:\n  - name: a\n    expression: answr == 'x'\n");
        assert!(found.contains("t.yaml:4"), "{found}");
        assert!(
            found.contains("names answr, and may name answer"),
            "{found}"
        );
    }

    #[test]
    fn names_are_plain_and_different() {
        let rule = |name: &str| format!("  - {{name: \"{name}\", expression: \"true\"}}\n");
        let twice = problems(&format!("  rules:\n{}{}", rule("a"), rule("a")));
        assert!(twice.contains("is `a` twice"), "{twice}");
        let odd = problems(&format!("  rules:\n{}", rule("a b")));
        assert!(odd.contains("letters, digits"), "{odd}");
    }
}
