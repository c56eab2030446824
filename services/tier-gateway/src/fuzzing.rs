//! The decoders as fuzz targets see them: bytes in, nothing out.
//!
//! The first byte says how the others are cut into pieces, as a network would.

use crate::provider::fuzzing;

/// The stream of the OpenAI wire.
pub fn sse(data: &[u8]) {
    fuzzing::openai(pieces(data));
}

/// The stream of the Ollama wire.
pub fn ndjson(data: &[u8]) {
    fuzzing::ollama(pieces(data));
}

/// The stream of the Anthropic wire.
pub fn anthropic(data: &[u8]) {
    fuzzing::anthropic(pieces(data));
}

fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (size, rest) = data.split_first().unwrap_or((&1, &[]));
    rest.chunks(usize::from(*size).max(1))
}
