//! Server-sent events from bytes.
//!
//! What a stream of an LLM uses of the format: `data`, `event`, comments. Ids and retry times are
//! for browsers. A library would do this too, but bounds no line and tells no offset, and both
//! are wanted of bytes that come from somebody else's server.

use super::lines::Lines;
use crate::error::Fault;

/// One event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `data` lines, joined.
    pub(crate) data: String,
    /// Whether it is named `error`, or its data came in a field of that name.
    pub(crate) is_error: bool,
    /// Where its first line begins in the stream.
    pub(crate) offset: u64,
}

/// Collects bytes and gives events.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    lines: Lines,
    /// The event being read, once it has data.
    event: Option<Event>,
    named_error: bool,
}

impl Sse {
    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next whole event, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Fault> {
        while let Some(line) = self.lines.next()? {
            if line.text.is_empty() {
                if let Some(event) = self.take() {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line.text, line.offset);
            }
        }
        Ok(None)
    }

    /// The last event of a stream that ended without the empty line after it.
    pub(crate) fn rest(&mut self) -> Result<Option<Event>, Fault> {
        if let Some(line) = self.lines.rest()? {
            self.field(&line.text, line.offset);
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Option<Event> {
        let named_error = std::mem::take(&mut self.named_error);
        let mut event = self.event.take()?;
        event.is_error |= named_error;
        Some(event)
    }

    fn field(&mut self, line: &str, offset: u64) {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => self.data(value, offset),
            "event" => self.named_error = value == "error",
            // Older llama.cpp servers write a failure like this.
            "error" => {
                self.data(value, offset);
                self.named_error = true;
            }
            // A comment (empty name), or a field that means nothing here.
            _ => {}
        }
    }

    fn data(&mut self, value: &str, offset: u64) {
        match &mut self.event {
            None => {
                self.event = Some(Event {
                    data: value.to_owned(),
                    is_error: false,
                    offset,
                });
            }
            Some(event) => {
                event.data.push('\n');
                event.data.push_str(value);
            }
        }
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
                events.push(event);
            }
        }
        events.extend(sse.rest()?);
        Ok(events)
    }

    fn event(data: &str, offset: u64) -> Event {
        Event {
            data: data.to_owned(),
            is_error: false,
            offset,
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
        let errors: Vec<bool> = events.iter().map(|event| event.is_error).collect();
        assert_eq!(errors, [true, true, false]);
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
