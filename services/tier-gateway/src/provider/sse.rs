//! Server-sent events from bytes.
//!
//! What a stream of an LLM uses of the format: `data`, `event`, comments. Ids and retry times are
//! for browsers. A library would do this too, but bounds no line and tells no offset, and both
//! are wanted of bytes that come from somebody else's server.

use super::lines::{Lines, MAX_LINE_BYTES};
use crate::error::Fault;

/// The longest event that is read, all of its lines together.
const MAX_EVENT_BYTES: usize = MAX_LINE_BYTES;

/// What an event is called that tells of an error.
const ERROR: &str = "error";

/// One event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// What it is called; empty if it has no name.
    pub(crate) name: String,
    /// Its `data` lines, joined.
    pub(crate) data: String,
    /// Where its first line begins in the stream.
    pub(crate) offset: u64,
}

/// Collects bytes and gives events.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    lines: Lines,
    reading: Reading,
}

/// The event being read. One is read after the other into the same place.
#[derive(Debug, Default)]
struct Reading {
    event: Event,
    /// Whether it has data: one without is none.
    has_data: bool,
    /// Whether it has ended; the next line begins another.
    ended: bool,
}

impl Event {
    /// Whether it is named `error`, or its data came in a field of that name.
    pub(crate) fn is_error(&self) -> bool {
        self.name == ERROR
    }
}

impl Sse {
    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next whole event, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<&Event>, Fault> {
        while let Some(line) = self.lines.next()? {
            if !line.text.is_empty() {
                self.reading.field(line.text, line.offset)?;
            } else if self.reading.end() {
                return Ok(Some(&self.reading.event));
            }
        }
        Ok(None)
    }

    /// The last event of a stream that ended without the empty line after it.
    pub(crate) fn rest(&mut self) -> Result<Option<&Event>, Fault> {
        if let Some(line) = self.lines.rest()? {
            self.reading.field(line.text, line.offset)?;
        }
        Ok(self.reading.end().then_some(&self.reading.event))
    }
}

impl Reading {
    /// Ends the event; whether it was one.
    fn end(&mut self) -> bool {
        let is_event = self.has_data && !self.ended;
        self.ended = true;
        is_event
    }

    /// Begins another event, if the last one has ended.
    fn begin(&mut self) {
        if std::mem::take(&mut self.ended) {
            self.event.name.clear();
            self.event.data.clear();
            self.has_data = false;
        }
    }

    fn field(&mut self, line: &str, offset: u64) -> Result<(), Fault> {
        self.begin();
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => return self.data(value, offset),
            "event" => value.clone_into(&mut self.event.name),
            // Older llama.cpp servers write a failure like this.
            ERROR => {
                ERROR.clone_into(&mut self.event.name);
                return self.data(value, offset);
            }
            // A comment (empty name), or a field that means nothing here.
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, value: &str, offset: u64) -> Result<(), Fault> {
        let event = &mut self.event;
        if !self.has_data {
            self.has_data = true;
            event.offset = offset;
            event.data.push_str(value);
            return Ok(());
        }
        if event.data.len() + value.len() >= MAX_EVENT_BYTES {
            return Err(Fault::Malformed {
                offset: event.offset,
                what: "an event without end",
            });
        }
        event.data.push('\n');
        event.data.push_str(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], size: usize) -> Result<Vec<Event>, Fault> {
        let mut sse = Sse::default();
        let mut events = Vec::new();
        for piece in bytes.chunks(size) {
            sse.push(piece);
            while let Some(event) = sse.next()? {
                events.push(event.clone());
            }
        }
        events.extend(sse.rest()?.cloned());
        Ok(events)
    }

    fn event(data: &str, offset: u64) -> Event {
        Event {
            data: data.to_owned(),
            offset,
            ..Event::default()
        }
    }

    #[test]
    fn events_are_the_same_in_whatever_pieces_they_come() {
        let text = ": hello\r\n\r\ndata: {\"a\":\"ö🦀\"}\r\nid: 7\r\n\r\ndata:one\ndata: two\n\n\
                    event: ping\n\ndata: [DONE]";
        let at = |line| text.find(line).unwrap() as u64;
        let expected = vec![
            event("{\"a\":\"ö🦀\"}", at("data: {")),
            event("one\ntwo", at("data:one")),
            event("[DONE]", at("data: [DONE]")),
        ];
        for size in 1..=text.len() {
            let events = read(text.as_bytes(), size).unwrap();
            assert_eq!(events, expected, "pieces of {size}");
        }
    }

    #[test]
    fn both_ways_to_name_an_error_are_seen_and_do_not_stick() {
        let text = "event: error\ndata: {}\n\nerror: {}\n\ndata: {}\n\n";
        let events = read(text.as_bytes(), 5).unwrap();
        let errors: Vec<bool> = events.iter().map(Event::is_error).collect();
        assert_eq!(errors, [true, true, false]);
    }

    #[test]
    fn an_event_of_lines_without_end_is_stopped() {
        let mut sse = Sse::default();
        let line = format!("data: {}\n", "x".repeat(MAX_EVENT_BYTES / 4));
        let fault = (0..5).find_map(|_| {
            sse.push(line.as_bytes());
            sse.next().map(drop).err()
        });
        assert!(
            matches!(fault, Some(Fault::Malformed { offset: 0, .. })),
            "{fault:?}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_depend_on_their_pieces(
            text in "((data|event|:|error|x)(:| |\n|\r\n|[a-z]|\u{feff}|ö){0,6}){0,20}",
            size in 1usize..9,
        ) {
            prop_assert_eq!(read(text.as_bytes(), size), read(text.as_bytes(), usize::MAX));
        }
    }
}
