//! The user's own rules, in CEL.
//!
//! Each was checked when the config was read: short, flat, without loops. A rule that is true is
//! content, one that is false is not, and a number from 0 to 1 is a score. One that cannot be
//! evaluated (a number out of range, a pattern that is none) says nothing.

use std::sync::Arc;

use cel::objects::Value;
use cel::{Context, Env, ExecutionError, ParseErrors, Program};
use terrace_config::Expression;

use crate::answer::{Answer, Case, CodeLanguage, Finish};
use crate::check::{Finding, Kind};
use crate::format::Pattern;
use crate::weigh::Weighed;

/// How much of a text a rule sees: a rule may put a text together many times over.
const MAX_BYTES: usize = 32 * 1024;
/// Score of an answer that breaks a rule.
const BROKEN: f64 = 0.1;

/// All rules, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: Arc<str>,
    when: Option<Arc<Program>>,
    expression: Arc<Program>,
    hard: bool,
    weight: f64,
}

/// A rule that does not compile: the config has let it through, so that is a defect.
#[derive(Debug, thiserror::Error)]
#[error("the rule {name} does not compile: {cause}")]
pub struct InvalidRule {
    name: String,
    cause: ParseErrors,
}

impl Rules {
    /// Compiles the rules of a config.
    ///
    /// # Errors
    /// One of them does not compile.
    pub fn new(rules: &[terrace_config::Rule]) -> Result<Self, InvalidRule> {
        let rules = rules.iter().map(Rule::new);
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// What they find, in their order, up to the first that fails the answer by itself.
    #[must_use]
    pub fn ask(&self, case: &Case) -> Vec<Weighed> {
        let mut found = Vec::new();
        if self.rules.is_empty() {
            return found;
        }
        let Ok(context) = context(case) else {
            return found;
        };
        for rule in self.rules.iter().filter(|rule| rule.weight > 0.0) {
            let Some(finding) = rule.finding(&context) else {
                continue;
            };
            let failed = finding.hard_failure;
            found.push(Weighed {
                kind: Kind::Rule,
                named: Some(Arc::clone(&rule.name)),
                weight: rule.weight,
                finding,
            });
            if failed {
                break;
            }
        }
        found
    }
}

impl Rule {
    fn new(rule: &terrace_config::Rule) -> Result<Self, InvalidRule> {
        let compiled = |expression: &Expression| {
            let program = Program::compile(expression.as_str());
            program.map(Arc::new).map_err(|cause| InvalidRule {
                name: rule.name.clone(),
                cause,
            })
        };
        Ok(Self {
            name: rule.name.as_str().into(),
            when: rule.when.as_ref().map(compiled).transpose()?,
            expression: compiled(&rule.expression)?,
            hard: rule.hard,
            weight: rule.weight,
        })
    }

    fn finding(&self, context: &Context<'_, '_>) -> Option<Finding> {
        if let Some(when) = &self.when
            && !matches!(when.execute(context), Ok(Value::Bool(true)))
        {
            return None;
        }
        let score = match self.expression.execute(context) {
            Ok(Value::Bool(holds)) => f64::from(u8::from(holds)),
            Ok(Value::Float(score)) if (0.0..=1.0).contains(&score) => score,
            Ok(Value::Int(score @ (0 | 1))) => score as f64,
            _ => {
                tracing::debug!(rule = %self.name, "a rule could not be evaluated");
                return None;
            }
        };
        Some(if score >= 1.0 {
            Finding::good("holds")
        } else if self.hard {
            Finding::hard("is broken")
        } else if score <= 0.0 {
            Finding::scored(BROKEN, "is broken")
        } else {
            Finding::scored(score, "holds in part")
        })
    }
}

/// What a rule sees of an answer.
fn context(case: &Case) -> Result<Context<'static, 'static>, ExecutionError> {
    let answer = &case.answer;
    let mut context = Context::with_env(Arc::new(Env::stdlib()));
    let texts = [
        ("answer", beginning(&answer.text)),
        ("question", beginning(&answer.question)),
        ("action", case.action.as_str()),
        ("finish", finish(answer)),
        ("code_language", code_language(answer)),
    ];
    for (name, text) in texts {
        context.add_variable_from_value(name, text.to_owned());
    }
    let words = answer.text.split_whitespace().count();
    context.add_variable_from_value("answer_bytes", answer.text.len() as i64);
    context.add_variable_from_value("answer_words", words as i64);
    let matches = |cel::extractors::This(text): cel::extractors::This<Arc<String>>,
                   pattern: Arc<String>|
     -> Result<bool, ExecutionError> {
        let pattern = Pattern::within(&pattern)
            .map_err(|error| ExecutionError::function_error("matches", error))?;
        Ok(pattern.matches(&text))
    };
    let _overload = context.add_function("matches", matches);
    Ok(context)
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_BYTES)]
}

const fn finish(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Unknown => "",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

const fn code_language(answer: &Answer) -> &'static str {
    match answer.code_language {
        CodeLanguage::Known(language) => language.as_str(),
        CodeLanguage::Any | CodeLanguage::Unknown => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_domain::Score;

    fn rule(expression: &str) -> terrace_config::Rule {
        terrace_config::Rule {
            name: "mine".to_owned(),
            when: None,
            expression: expression.parse().unwrap(),
            hard: false,
            weight: 1.0,
        }
    }

    fn case(text: &str) -> Case {
        Case {
            answer: Answer::plain(text).to("the question"),
            action: "cite".to_owned(),
            threshold: Score::ZERO,
        }
    }

    fn look(rule: terrace_config::Rule, text: &str) -> Option<Finding> {
        let found = Rules::new(&[rule]).unwrap().ask(&case(text));
        found.into_iter().next().map(|weighed| weighed.finding)
    }

    #[test]
    fn a_truth_holds_or_is_broken_and_a_number_is_a_score() {
        let cites = || rule("answer.contains('http')");
        assert_eq!(look(cites(), "see http://a").unwrap().score.get(), 1.0);
        assert_eq!(look(cites(), "see there").unwrap().score.get(), BROKEN);
        let part = look(rule("answer_words > 3 ? 1.0 : 0.4"), "one").unwrap();
        assert!((part.score.get() - 0.4).abs() < 1e-9);
        let hard = terrace_config::Rule {
            hard: true,
            ..cites()
        };
        assert!(look(hard, "see there").unwrap().hard_failure);
    }

    #[test]
    fn a_rule_is_asked_where_it_is_for_alone() {
        let for_action = |action: &str| terrace_config::Rule {
            when: Some(format!("action == '{action}'").parse().unwrap()),
            ..rule("false")
        };
        assert!(look(for_action("cite"), "x").is_some());
        assert!(look(for_action("other"), "x").is_none());
    }

    #[test]
    fn patterns_are_searched_for_and_hostile_ones_refused() {
        assert_eq!(
            look(rule(r"answer.matches('[0-9]{3}')"), "see 123 there")
                .unwrap()
                .score
                .get(),
            1.0
        );
        assert_eq!(look(rule(r"answer.matches('(\\w{500}){500}')"), "x"), None);
        assert_eq!(look(rule("answer.matches('(')"), "x"), None);
        let evil = look(rule("answer.matches('(a+)+$')"), &"a".repeat(100_000));
        assert!(evil.is_some());
    }

    #[test]
    fn what_cannot_be_evaluated_says_nothing() {
        for expression in [
            "answer_words / 0 > 1",
            "answer",
            "answer_words",
            "7.5",
            "answer + 1 == 'a'",
        ] {
            assert_eq!(look(rule(expression), "two words"), None, "{expression}");
        }
    }

    #[test]
    fn the_heaviest_rules_on_the_longest_answers_come_to_an_end() {
        let text = "é".repeat(1024 * 1024);
        let sum = format!("size(answer{}) > 0", "+answer".repeat(20));
        assert!(look(rule(&sum), &text).is_some());
        let contains = format!("{}true", "answer.contains('éa')||".repeat(40));
        assert!(look(rule(&contains), &text).is_some());
        let patterns = format!("{}true", r"answer.matches('\\w+a')||".repeat(38));
        assert!(look(rule(&patterns), &text).is_some());
    }
}
