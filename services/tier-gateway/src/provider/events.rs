//! Server-sent events to chunks, for every wire that sends them.
//!
//! A wire says what one event means; when a stream is terminated and what half an event at its end
//! is worth is the same for all.

use super::Chunk;
use super::sse::{Event, Sse};
use super::stream::Decode;
use crate::error::Fault;

/// What one event says.
pub(super) enum Said {
    /// More of the answer.
    Chunk(Chunk),
    /// Nothing that matters.
    Nothing,
    /// The answer is complete.
    End,
}

/// Understands the events of one wire.
pub(super) trait Wire: Send + 'static {
    /// Reads one event.
    fn read(&mut self, event: &Event) -> Result<Said, Fault>;
}

/// Decodes a stream of events.
#[derive(Debug, Default)]
pub(super) struct Events<W> {
    sse: Sse,
    wire: W,
    terminated: bool,
}

impl<W: Wire> Events<W> {
    pub(super) fn new(wire: W) -> Self {
        Self {
            sse: Sse::default(),
            wire,
            terminated: false,
        }
    }

    fn read(&mut self, event: &Event) -> Result<Option<Chunk>, Fault> {
        match self.wire.read(event)? {
            Said::Chunk(chunk) => return Ok(Some(chunk)),
            Said::Nothing => {}
            Said::End => self.terminated = true,
        }
        Ok(None)
    }
}

impl<W: Wire> Decode for Events<W> {
    fn decode(&mut self, bytes: &[u8]) -> Result<Vec<Chunk>, Fault> {
        self.sse.push(bytes);
        let mut chunks = Vec::new();
        while !self.terminated
            && let Some(event) = self.sse.next()?
        {
            chunks.extend(self.read(&event)?);
        }
        Ok(chunks)
    }

    fn rest(&mut self) -> Result<Vec<Chunk>, Fault> {
        let Some(event) = self.sse.rest()? else {
            return Ok(vec![]);
        };
        match self.read(&event) {
            Ok(chunk) => Ok(chunk.into_iter().collect()),
            // Half an event is what a cut answer ends with; that is no offence in itself.
            Err(Fault::Malformed { .. }) => Ok(vec![]),
            Err(fault) => Err(fault),
        }
    }

    fn is_terminated(&self) -> bool {
        self.terminated
    }
}
