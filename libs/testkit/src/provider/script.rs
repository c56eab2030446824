//! What a scripted provider does: rules that pick replies, and the ways in which these go wrong.
//!
//! Plain data, built by tests in code or read from a JSON file; `play.rs` acts it out.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The behaviour of a scripted provider; also readable from JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Models it has; any other name is answered as real servers do.
    pub models: Vec<String>,
    /// Rules in order of precedence.
    pub rules: Vec<Rule>,
    /// The reply when no rule matches.
    pub fallback: Reply,
    /// Begins every answer, so that nobody takes a scripted answer for a model's.
    pub label: Option<String>,
    /// Key that calls must bring as a bearer token.
    pub api_key: Option<String>,
    /// Tokens that its models hold, as vLLM lists them on the OpenAI wire; none by default.
    pub context_window: Option<u32>,
    /// Whether it says of itself that it cannot answer, as vLLM and llama.cpp do by `GET /health`.
    pub unhealthy: bool,
    /// How an unknown model is refused on the OpenAI wire.
    pub unknown_model: UnknownModel,
}

impl Script {
    /// A script for these models that answers every prompt with a short text.
    #[must_use]
    pub fn serving<const N: usize>(models: [&str; N]) -> Self {
        Self {
            models: models.map(str::to_owned).to_vec(),
            ..Self::default()
        }
    }

    /// Sets the reply for when no rule matches.
    #[must_use]
    pub fn otherwise(mut self, reply: Reply) -> Self {
        self.fallback = reply;
        self
    }

    /// Appends a rule; earlier rules win.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Demands this key of every call.
    #[must_use]
    pub fn api_key(mut self, key: &str) -> Self {
        self.api_key = Some(key.to_owned());
        self
    }
}

/// How the OpenAI wire refuses a model that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownModel {
    /// 404 with code `model_not_found`, as OpenAI and vLLM do.
    #[default]
    NotFound,
    /// 400 with a sentence, as llama.cpp's router does.
    BadRequest,
}

/// Replies for the prompts that it matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Only for this model.
    pub model: Option<String>,
    /// Only when the prompt has one of these, letter case aside; empty matches all.
    pub contains: Vec<String>,
    /// The replies of the first, second, … match; the last one repeats.
    pub replies: Vec<Reply>,
}

impl Rule {
    /// A rule that matches every prompt and gives these replies in turn.
    #[must_use]
    pub fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self {
            replies: replies.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Limits the rule to a model.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Limits the rule to prompts with this text, or one of several when called again.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.contains.push(text.to_owned());
        self
    }

    /// Whether the rule speaks for this call.
    pub(crate) fn matches(&self, model: &str, prompt: &str) -> bool {
        let prompt = prompt.to_lowercase();
        let has = |text: &String| prompt.contains(&text.to_lowercase());
        self.model.as_deref().is_none_or(|wanted| wanted == model)
            && (self.contains.is_empty() || self.contains.iter().any(has))
    }
}

/// A tool call that a reply makes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolCall {
    /// Its id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Arguments as JSON text.
    pub arguments: String,
}

/// One answer and how it is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// The whole text.
    pub text: String,
    /// The pieces a stream sends; by default one per word.
    pub pieces: Option<Vec<String>>,
    /// Tool calls after the text; in streams alone.
    pub tool_calls: Vec<ToolCall>,
    /// Why the model says it stopped.
    pub finish_reason: String,
    /// What it says about tokens.
    pub usage: UsageReport,
    /// Time until the response begins.
    #[serde(rename = "first_delay_ms", with = "millis")]
    pub first_delay: Duration,
    /// Time before every further piece.
    #[serde(rename = "pace_ms", with = "millis")]
    pub pace: Duration,
    /// What goes wrong.
    pub fault: Fault,
}

impl Default for Reply {
    fn default() -> Self {
        Self::text("This is a scripted answer in plain words.")
    }
}

impl Reply {
    /// A good reply with this text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pieces: None,
            tool_calls: vec![],
            finish_reason: "stop".to_owned(),
            usage: UsageReport::Exact,
            first_delay: Duration::ZERO,
            pace: Duration::ZERO,
            fault: Fault::None,
        }
    }

    /// A good reply that streams exactly these pieces.
    #[must_use]
    pub fn pieces(pieces: impl AsRef<[&'static str]>) -> Self {
        let pieces = pieces.as_ref();
        Self {
            pieces: Some(pieces.iter().copied().map(str::to_owned).collect()),
            ..Self::text(pieces.concat())
        }
    }

    /// The same reply, going wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// The same reply with a tool call after it.
    #[must_use]
    pub fn tool_call(mut self, name: &str, arguments: &str) -> Self {
        self.tool_calls.push(ToolCall {
            id: format!("call-{}", self.tool_calls.len()),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        });
        self.finish("tool_calls")
    }

    /// The same reply with another word on tokens.
    #[must_use]
    pub fn usage(mut self, usage: UsageReport) -> Self {
        self.usage = usage;
        self
    }

    /// The same reply with another reason to stop.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish_reason = reason.to_owned();
        self
    }

    /// The same reply, begun after `first` and with `pace` before every further piece.
    #[must_use]
    pub fn timing(mut self, first: Duration, pace: Duration) -> Self {
        self.first_delay = first;
        self.pace = pace;
        self
    }

    /// A refusal with an HTTP status.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::text("").fault(Fault::Status {
            code,
            retry_after: None,
            body: None,
        })
    }

    /// The pieces that a stream of this reply sends.
    pub(crate) fn split(&self) -> Vec<String> {
        let words = || self.text.split_inclusive(' ').map(str::to_owned).collect();
        self.pieces.clone().unwrap_or_else(words)
    }
}

/// What a reply says about tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageReport {
    /// Input: a quarter of the prompt's bytes. Output: one per piece.
    #[default]
    Exact,
    /// Nothing at all.
    Absent,
    /// These numbers, whatever the text.
    Counts {
        /// Input tokens.
        input: u64,
        /// Of them, read from the prompt cache.
        cached: u64,
        /// Output tokens.
        output: u64,
    },
    /// The same of a model that thought; told on the OpenAI wire alone.
    Thought {
        /// Input tokens.
        input: u64,
        /// Output tokens.
        output: u64,
        /// Of them, what was thought and not said.
        reasoning: u64,
    },
}

/// What goes wrong with a reply. `after` counts the pieces that were sent before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// An HTTP status instead of an answer.
    Status {
        /// The status code.
        code: u16,
        /// Value of the `retry-after` header.
        retry_after: Option<String>,
        /// The body; an error object of the wire by default.
        body: Option<Value>,
    },
    /// A redirect to this address.
    Redirect(String),
    /// The connection is cut.
    Disconnect {
        /// Pieces before.
        after: usize,
    },
    /// The response ends cleanly, without the wire's terminator.
    Truncate {
        /// Pieces before.
        after: usize,
    },
    /// All of the answer and why it stopped, and then the response ends without the wire's
    /// terminator.
    NoTerminator,
    /// Nothing more comes, and the connection stays.
    Stall {
        /// Pieces before.
        after: usize,
    },
    /// Something that is not JSON.
    Malformed {
        /// Pieces before.
        after: usize,
    },
    /// An error object inside a response that began with 200.
    ErrorInside {
        /// Pieces before.
        after: usize,
    },
    /// A line that does not end for this many bytes.
    Flood {
        /// Bytes.
        bytes: usize,
    },
    /// A page for people, as a proxy in between would send, with status 200.
    Html,
    /// A stream without an end: the first piece again and again, a millisecond apart.
    Endless,
    /// The right answer, one byte at a time with the reply's pace between them.
    Drip,
}

mod millis {
    //! Durations as whole milliseconds in JSON.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_matches_by_model_and_by_any_of_its_texts() {
        let rule = Rule::replying([Reply::default()])
            .model("small")
            .containing("Python")
            .containing("rust");
        assert!(rule.matches("small", "write a python function"));
        assert!(rule.matches("small", "write RUST"));
        assert!(!rule.matches("small", "write a poem"));
        assert!(!rule.matches("large", "write a python function"));
    }

    #[test]
    fn a_script_is_read_from_json() {
        let script: Script = serde_json::from_str(
            r#"{"models": ["m"], "rules": [{"contains": ["x"], "replies": [
                {"text": "no", "fault": {"status": {"code": 429, "retry_after": "3"}}},
                {"text": "a b", "pace_ms": 20}]}]}"#,
        )
        .unwrap();
        assert_eq!(script.rules[0].replies[1].pace, Duration::from_millis(20));
        assert_eq!(script.rules[0].replies[1].split(), ["a ", "b"]);
    }
}
