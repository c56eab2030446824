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
    /// Whether it sends events of this name; empty for events without one.
    fn knows(&self, name: &str) -> bool;

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
}

/// What an event says to who knows the wire.
fn read(wire: &mut impl Wire, event: &Event) -> Result<Said, Fault> {
    match wire.read(event) {
        // Whatever an event of a name that nobody knows holds, it is not for us.
        Err(Fault::Malformed { .. }) if !wire.knows(&event.name) => Ok(Said::Nothing),
        said => said,
    }
}

impl<W: Wire> Decode for Events<W> {
    fn push(&mut self, bytes: &[u8]) {
        self.sse.push(bytes);
    }

    fn next(&mut self) -> Result<Option<Chunk>, Fault> {
        while !self.terminated
            && let Some(event) = self.sse.next()?
        {
            match read(&mut self.wire, event)? {
                Said::Chunk(chunk) => return Ok(Some(chunk)),
                Said::Nothing => {}
                Said::End => self.terminated = true,
            }
        }
        Ok(None)
    }

    fn rest(&mut self) -> Result<Option<Chunk>, Fault> {
        let Some(event) = self.sse.rest()? else {
            return Ok(None);
        };
        match read(&mut self.wire, event) {
            Ok(Said::Chunk(chunk)) => return Ok(Some(chunk)),
            Ok(Said::End) => self.terminated = true,
            // Half an event is what a cut answer ends with; that is no offence in itself.
            Ok(Said::Nothing) | Err(Fault::Malformed { .. }) => {}
            Err(fault) => return Err(fault),
        }
        Ok(None)
    }

    fn is_terminated(&self) -> bool {
        self.terminated
    }
}
