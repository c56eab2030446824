//! What makes two requests the same.

use std::fmt::Write as _;

use prost::Message as _;

use crate::fingerprint::Parts;
use crate::request::{CachePolicy, Policy, Request};

/// A fingerprint. Two requests have the same one if, and as good as only if, they are the same in
/// what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The fingerprint in hexadecimal digits, for stores whose keys are text.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }

    /// Of how an orchestrator is set up.
    pub(super) fn of_setup(setup: &str) -> Self {
        let mut parts = Parts::new("setup");
        parts.text(setup);
        Self(parts.end())
    }

    /// Of an id within its project.
    pub(super) fn of_id(request: &Request) -> Self {
        let mut parts = Parts::new("id");
        parts.text(request.project.as_str());
        parts.text(&request.id.to_string());
        Self(parts.end())
    }

    /// Of everything that may change the answer.
    pub(super) fn of_question(request: &Request, setup: Self) -> Self {
        let mut parts = Parts::new("question");
        parts.text(request.project.as_str());
        parts.bytes(&setup.0);
        parts.question(request);
        Self(parts.end())
    }
}

impl Parts {
    fn question(&mut self, request: &Request) {
        let prompt = &request.prompt;
        self.text(request.action());
        self.text(request.code_language.as_deref().unwrap_or_default());
        self.count(prompt.messages().len());
        for message in prompt.messages() {
            self.bytes(&message.encode_to_vec());
        }
        self.bytes(&prompt.params().encode_to_vec());
        let format = prompt.response_format();
        self.bytes(
            &format
                .map(prost::Message::encode_to_vec)
                .unwrap_or_default(),
        );
        self.count(prompt.tools().len());
        for tool in prompt.tools() {
            self.bytes(&tool.encode_to_vec());
        }
        let choice = prompt.tool_choice();
        self.bytes(
            &choice
                .map(prost::Message::encode_to_vec)
                .unwrap_or_default(),
        );
        let policy = Policy {
            cache: CachePolicy::default(),
            ..request.policy.clone()
        };
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = write!(text, "{policy:?}");
        self.text(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::consensus::Wish;
    use crate::testing::{prompt, request};
    use terrace_domain::{ActionName, RequestId, Score};

    fn question(request: &Request) -> Key {
        Key::of_question(request, Key::of_setup("setup"))
    }

    fn agreement(threshold: f64) -> Wish {
        Wish {
            models: Vec::new(),
            threshold: Score::clamped(threshold),
            equivalence: None,
            by_request: true,
        }
    }

    #[test]
    fn the_id_the_tags_and_the_use_of_the_cache_do_not_change_the_question() {
        let first = request();
        let mut second = first.clone();
        second.id = RequestId::generate();
        second.tags.insert("team".into(), "red".into());
        second.policy.cache.read = !second.policy.cache.read;
        assert_eq!(question(&first), question(&second));
    }

    #[test]
    fn whatever_may_change_the_answer_changes_the_question() {
        let first = request();
        let changed = |change: fn(&mut Request)| {
            let mut second = first.clone();
            change(&mut second);
            question(&second)
        };
        let all = [
            question(&first),
            Key::of_question(&first, Key::of_setup("another")),
            changed(|request| request.prompt = prompt("hello their", None)),
            changed(|request| request.prompt = prompt("hello there", Some(9))),
            changed(|request| request.action = ActionName::new("edit").ok()),
            changed(|request| request.code_language = Some("rust".into())),
            changed(|request| request.policy.quality_threshold = Score::clamped(0.1)),
            changed(|request| request.policy.consensus = Some(agreement(0.5))),
            changed(|request| request.policy.consensus = Some(agreement(0.6))),
        ];
        let mut different = all.to_vec();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), all.len());
    }
}
