//! A response body to chunks, through whatever decoder its wire needs.
//!
//! Here stands, once for all wires, when an answer is complete: when its terminator came. One that
//! ends before it is truncated, also when a finish reason came: the usage that should have followed
//! did not. Chunks are decoded one at a time, so that those before a fault are given, and billed,
//! in whatever pieces the bytes came, and no more than a read's bytes wait.

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use reqwest::Response;

use super::{Chunk, Chunks};
use crate::error::Fault;

/// Understands one wire.
pub(crate) trait Decode: Send + 'static {
    /// Takes bytes.
    fn push(&mut self, bytes: &[u8]);

    /// The next chunk that is whole; `None` until there are more bytes.
    fn next(&mut self) -> Result<Option<Chunk>, Fault>;

    /// What is left when the body has ended.
    fn rest(&mut self) -> Result<Option<Chunk>, Fault>;

    /// Whether the terminator came.
    fn is_terminated(&self) -> bool;
}

/// The chunks of `response`, read until its terminator and no further than `limit` bytes.
pub(crate) fn chunks(response: Response, decoder: impl Decode, limit: u64) -> Chunks {
    let reading = Reading {
        // The head is not needed any more, and would be kept as long as the body.
        body: response.bytes_stream(),
        decoder,
        limit,
        read: 0,
        body_ended: false,
        over: false,
    };
    // Boxed: it goes into the future of each chunk and out again.
    stream::unfold(Box::new(reading), |mut reading| async move {
        let next = reading.next().await?;
        Some((next, reading))
    })
    .boxed()
}

struct Reading<B, D> {
    body: B,
    decoder: D,
    limit: u64,
    /// Bytes so far.
    read: u64,
    body_ended: bool,
    /// Whether the last chunk, or the fault, has been given.
    over: bool,
}

impl<B, D> Reading<B, D>
where
    B: Stream<Item = reqwest::Result<Bytes>> + Unpin,
    D: Decode,
{
    async fn next(&mut self) -> Option<Result<Chunk, Fault>> {
        if self.over {
            return None;
        }
        let next = self.chunk().await;
        self.over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    /// The next chunk; `None` behind the last one of a whole answer.
    async fn chunk(&mut self) -> Result<Option<Chunk>, Fault> {
        loop {
            let chunk = if self.body_ended {
                self.decoder.rest()?
            } else {
                self.decoder.next()?
            };
            if chunk.is_some() || self.decoder.is_terminated() {
                return Ok(chunk);
            }
            if self.body_ended {
                return Err(Fault::Truncated);
            }
            self.read_on().await?;
        }
    }

    async fn read_on(&mut self) -> Result<(), Fault> {
        let Some(bytes) = self.body.next().await else {
            self.body_ended = true;
            return Ok(());
        };
        let bytes = bytes.map_err(|_| Fault::Broken)?;
        self.read += bytes.len() as u64;
        if self.read > self.limit {
            return Err(Fault::TooLarge { limit: self.limit });
        }
        self.decoder.push(&bytes);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod for_testing {
    //! Streams to decode: in pieces, and damaged.

    use proptest::prelude::*;

    use super::*;

    /// All chunks of a body that comes in pieces of `size` bytes, and whether it was whole.
    pub(in crate::provider) fn decode(
        mut decoder: impl Decode,
        bytes: &[u8],
        size: usize,
    ) -> Result<(Vec<Chunk>, bool), Fault> {
        let mut chunks = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while let Some(chunk) = decoder.next()? {
                chunks.push(chunk);
            }
            if decoder.is_terminated() {
                return Ok((chunks, true));
            }
        }
        chunks.extend(decoder.rest()?);
        Ok((chunks, decoder.is_terminated()))
    }

    /// A real stream with some of its bytes replaced, put in, taken out, repeated or cut off.
    pub(in crate::provider) fn damaged(stream: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
        let stream = stream.as_bytes().to_vec();
        let harm = (0..5u8, any::<prop::sample::Index>(), any::<u8>());
        prop::collection::vec(harm, 1..6).prop_map(move |harms| {
            let mut bytes = stream.clone();
            for (kind, at, byte) in harms {
                harm_at(&mut bytes, kind, at, byte);
            }
            bytes
        })
    }

    fn harm_at(bytes: &mut Vec<u8>, kind: u8, at: prop::sample::Index, byte: u8) {
        if bytes.is_empty() {
            return bytes.push(byte);
        }
        let at = at.index(bytes.len());
        let end = (at + usize::from(byte)).min(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.truncate(at),
        }
    }
}
