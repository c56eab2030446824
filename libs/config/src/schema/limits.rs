//! `limits`: how much of anything is accepted.

use crate::decode::Section;
use crate::read::{count, size};
use crate::value::ByteSize;

/// How much of anything is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All texts of a request together. Default: 1 MiB.
    pub max_prompt_bytes: ByteSize,
    /// Messages of a request. Default: 1000.
    pub max_messages: usize,
    /// One message on the wire between services, encoded. Default: 16 MiB.
    pub max_message_bytes: ByteSize,
    /// Requests in flight in one service. Default: 1024.
    pub max_in_flight: usize,
    /// Tags of a request. Default: 32.
    pub max_tags: usize,
    /// A tag's name, and its value. Default: 256 bytes.
    pub max_tag_bytes: ByteSize,
    /// Stop sequences of a request. Default: 8.
    pub max_stop_sequences: usize,
    /// One stop sequence. Default: 256 bytes.
    pub max_stop_sequence_bytes: ByteSize,
    /// Output tokens a request may ask for. Default: 131072.
    pub max_output_tokens: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_prompt_bytes: ByteSize::mib(1),
            max_messages: 1000,
            max_message_bytes: ByteSize::mib(16),
            max_in_flight: 1024,
            max_tags: 32,
            max_tag_bytes: ByteSize::bytes(256),
            max_stop_sequences: 8,
            max_stop_sequence_bytes: ByteSize::bytes(256),
            max_output_tokens: 131_072,
        }
    }
}

impl Limits {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let bytes = || size(ByteSize::bytes(1)..=ByteSize::mib(1024));
        let items = || count(1..=1_000_000);
        let limits = Self {
            max_prompt_bytes: section.or("max_prompt_bytes", default.max_prompt_bytes, bytes()),
            max_messages: section.or("max_messages", default.max_messages, items()),
            max_message_bytes: section.or("max_message_bytes", default.max_message_bytes, bytes()),
            max_in_flight: section.or("max_in_flight", default.max_in_flight, items()),
            max_tags: section.or("max_tags", default.max_tags, count(0..=10_000)),
            max_tag_bytes: section.or("max_tag_bytes", default.max_tag_bytes, bytes()),
            max_stop_sequences: section.or(
                "max_stop_sequences",
                default.max_stop_sequences,
                count(0..=1000),
            ),
            max_stop_sequence_bytes: section.or(
                "max_stop_sequence_bytes",
                default.max_stop_sequence_bytes,
                bytes(),
            ),
            max_output_tokens: section.or(
                "max_output_tokens",
                default.max_output_tokens,
                count(1..=10_000_000),
            ),
        };
        if limits.max_prompt_bytes > limits.max_message_bytes {
            section.problem(
                "max_prompt_bytes",
                "is more than `max_message_bytes`: no such prompt would get through",
            );
        }
        limits
    }
}
