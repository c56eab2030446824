//! What reads bytes from outside, as fuzz targets see it: bytes in, nothing out.
//!
//! For streams the first byte says how the others are cut into pieces, as a network would.

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

/// Whole answers: lists of models, vectors, complaints, progress.
pub fn whole(data: &[u8]) {
    fuzzing::whole(data);
}

/// The messages of callers.
pub fn messages(data: &[u8]) {
    crate::grpc::read(data);
}

fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (size, rest) = data.split_first().unwrap_or((&1, &[]));
    rest.chunks(usize::from(*size).max(1))
}
