//! Fingerprints: of what a caller sent, and of parts in general.
//!
//! The fingerprint of a caller's body tells a request that was sent again from another one that
//! came with the same id. It is of the message as it is on the wire, so that neither a config nor
//! a newer Terrace changes it: what an older ledger row says of a body still holds.

use std::mem::take;

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use terrace_proto::router::v1::RouteRequest;

/// A fingerprint of what a caller sent, its id apart. Two bodies have the same one if, and as
/// good as only if, they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a message; it is left as it was.
    #[must_use]
    pub fn of(message: &mut RouteRequest) -> Self {
        let id = take(&mut message.request_id);
        // A map has no order on the wire.
        let tags = take(&mut message.tags);
        let mut parts = Parts::new("body");
        parts.bytes(&message.encode_to_vec());
        let mut sorted: Vec<_> = tags.iter().collect();
        sorted.sort_unstable();
        for (name, value) in sorted {
            parts.text(name);
            parts.text(value);
        }
        message.request_id = id;
        message.tags = tags;
        Self(parts.end())
    }

    /// The bytes, as the ledger keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A fingerprint from its bytes; `None` when they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A hash of parts, each with its length, so that no part can pass for the beginning of another.
pub(crate) struct Parts(Sha256);

impl Parts {
    /// No parts yet; hashes of different kinds are never the same.
    pub(crate) fn new(kind: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.text(kind);
        parts
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    pub(crate) fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrace_proto::common::v1::Role;
    use terrace_proto::convert::text_message;
    use terrace_proto::router::v1::{CachePolicy, RoutePolicy};

    fn message() -> RouteRequest {
        let tags = ["team", "topic", "agent"].map(|name| (name.to_owned(), "x".to_owned()));
        RouteRequest {
            request_id: "one".into(),
            action: "edit_file".into(),
            messages: vec![text_message(Role::User, "hello")],
            tags: tags.into(),
            ..RouteRequest::default()
        }
    }

    #[test]
    fn the_id_and_the_order_of_tags_are_no_part_of_a_body() {
        let of = Fingerprint::of(&mut message());
        for _ in 0..20 {
            // Each map has an order of its own.
            let mut again = RouteRequest {
                request_id: "two".into(),
                ..message()
            };
            let sent = again.clone();
            assert_eq!(Fingerprint::of(&mut again), of);
            assert_eq!(again, sent, "the message is left as it was");
        }
        assert_eq!(Fingerprint::from_bytes(of.as_bytes()), Some(of));
        assert_eq!(Fingerprint::from_bytes(b"short"), None);
    }

    #[test]
    fn whatever_else_a_caller_sends_is_part_of_it() {
        let no_write = CachePolicy {
            no_write: true,
            ..CachePolicy::default()
        };
        let policy = RoutePolicy {
            cache: Some(no_write),
            ..RoutePolicy::default()
        };
        let changes: [fn(&mut RouteRequest, RoutePolicy); 5] = [
            |_, _| {},
            |message, _| message.action.push('x'),
            |message, _| message.messages.push(text_message(Role::User, "hello")),
            |message, _| drop(message.tags.insert("team".into(), "y".into())),
            |message, policy| message.policy = Some(policy),
        ];
        let all = changes.map(|change| {
            let mut message = message();
            change(&mut message, policy.clone());
            Fingerprint::of(&mut message)
        });
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
