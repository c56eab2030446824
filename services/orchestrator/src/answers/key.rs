//! What makes two requests the same.

use std::fmt::Write as _;

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::request::{CachePolicy, Policy, Request};

/// A fingerprint. Two requests have the same one if, and as good as only if, they are the same in
/// what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Of how an orchestrator is set up.
    pub(super) fn of_setup(setup: &str) -> Self {
        let mut hash = Hash::new("setup");
        hash.text(setup);
        hash.key()
    }

    /// Of an id within its project.
    pub(super) fn of_id(request: &Request) -> Self {
        let mut hash = Hash::new("id");
        hash.text(request.project.as_str());
        hash.text(&request.id.to_string());
        hash.key()
    }

    /// Of everything that a caller sends.
    pub(super) fn of_body(request: &Request) -> Self {
        let mut hash = Hash::new("body");
        hash.question(request);
        for (name, value) in &request.tags {
            hash.text(name);
            hash.text(value);
        }
        hash.text(&format!("{:?}", request.policy.cache));
        hash.text(request.session.as_deref().unwrap_or_default());
        hash.key()
    }

    /// Of everything that may change the answer.
    pub(super) fn of_question(request: &Request, setup: Self) -> Self {
        let mut hash = Hash::new("question");
        hash.text(request.project.as_str());
        hash.bytes(&setup.0);
        hash.question(request);
        hash.key()
    }
}

/// A hash of parts, each with its length, so that no part can pass for the beginning of another.
struct Hash(Sha256);

impl Hash {
    fn new(kind: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.text(kind);
        hash
    }

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

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    fn key(self) -> Key {
        Key(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{prompt, request};
    use terrace_domain::{ActionName, RequestId, Score};

    fn question(request: &Request) -> Key {
        Key::of_question(request, Key::of_setup("setup"))
    }

    #[test]
    fn the_id_the_tags_and_the_use_of_the_cache_do_not_change_the_question() {
        let first = request();
        let mut second = first.clone();
        second.id = RequestId::generate();
        second.tags.insert("team".into(), "red".into());
        second.policy.cache.read = !second.policy.cache.read;
        assert_eq!(question(&first), question(&second));
        assert_ne!(Key::of_body(&first), Key::of_body(&second));
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
        ];
        let mut different = all.to_vec();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), all.len());
    }
}
