//! A response body to chunks, through whatever decoder its wire needs.
//!
//! Here stands, once for all wires, when an answer is complete: its terminator came, or its
//! finish reason did and the stream then ended. Anything else that ends is truncated.

use std::collections::VecDeque;

use futures::{StreamExt as _, stream};
use reqwest::Response;

use super::{Chunk, Chunks};
use crate::error::Fault;

/// Understands one wire.
pub(crate) trait Decode: Send + 'static {
    /// Takes bytes, and gives the chunks that are whole now.
    fn decode(&mut self, bytes: &[u8]) -> Result<Vec<Chunk>, Fault>;

    /// Gives what is left when the body has ended.
    fn rest(&mut self) -> Result<Vec<Chunk>, Fault>;

    /// Whether the terminator came.
    fn is_terminated(&self) -> bool;
}

/// The chunks of `response`, read until its terminator and no further than `limit` bytes.
pub(crate) fn chunks(response: Response, decoder: impl Decode, limit: u64) -> Chunks {
    let reading = Reading {
        response,
        decoder,
        limit,
        read: 0,
        waiting: VecDeque::new(),
        finished: false,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        Some((next, reading))
    })
    .boxed()
}

struct Reading<D> {
    response: Response,
    decoder: D,
    limit: u64,
    /// Bytes so far.
    read: u64,
    /// Decoded and not given yet.
    waiting: VecDeque<Chunk>,
    /// Whether a finish reason came.
    finished: bool,
    /// Whether the stream has ended, well or not.
    over: bool,
}

impl<D: Decode> Reading<D> {
    async fn next(&mut self) -> Option<Result<Chunk, Fault>> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                self.finished |= chunk.finish.is_some();
                return Some(Ok(chunk));
            }
            if self.over || self.decoder.is_terminated() {
                return None;
            }
            if let Err(fault) = self.read_on().await {
                self.over = true;
                return Some(Err(fault));
            }
        }
    }

    /// Reads and decodes the next bytes, or finds the end.
    async fn read_on(&mut self) -> Result<(), Fault> {
        let bytes = match self.response.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.end(),
            // All of the answer is there; what broke was only the wait for its usage.
            Err(_) if self.finished => {
                self.over = true;
                return Ok(());
            }
            Err(_) => return Err(Fault::Broken),
        };
        self.read += bytes.len() as u64;
        if self.read > self.limit {
            return Err(Fault::TooLarge { limit: self.limit });
        }
        self.waiting.extend(self.decoder.decode(&bytes)?);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.over = true;
        let rest = self.decoder.rest()?;
        self.finished |= rest.iter().any(|chunk| chunk.finish.is_some());
        self.waiting.extend(rest);
        if self.finished || self.decoder.is_terminated() {
            Ok(())
        } else {
            Err(Fault::Truncated)
        }
    }
}
