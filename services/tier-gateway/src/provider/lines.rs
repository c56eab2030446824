//! Bytes in any pieces to whole lines, bounded, each with its place in the stream.
//!
//! Both wires are made of lines. A line is checked for UTF-8 when it is whole, so a character may
//! be split over packets; one that never ends is stopped at the limit and not when memory is.
//! Lines end in LF or CRLF: the lone CR that server-sent events also allow is sent by no one.

use std::ops::Range;

use memchr::memchr;

use crate::error::Fault;

/// The longest line that is read: more than any event of any backend has.
pub(crate) const MAX_LINE_BYTES: usize = 1024 * 1024;

/// A line without its end, where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    /// Where it begins, in bytes from the start of the stream.
    pub(crate) offset: u64,
}

/// Collects bytes and gives lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Lines before this place in the buffer have been given.
    given: usize,
    /// No line ends before this place in the buffer.
    searched: usize,
    /// Where the buffer begins in the stream.
    offset: u64,
}

impl Lines {
    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.given);
        self.offset += self.given as u64;
        self.searched -= self.given;
        self.given = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Fault> {
        let found = self.find()?;
        found.map(|place| self.line(place)).transpose()
    }

    /// What is left when the stream has ended, if anything.
    pub(crate) fn rest(&mut self) -> Result<Option<Line<'_>>, Fault> {
        let found = self.find_rest();
        found.map(|place| self.line(place)).transpose()
    }

    /// Where the next whole line is; it is given with that.
    pub(super) fn find(&mut self) -> Result<Option<Range<usize>>, Fault> {
        let unsearched = &self.buffer[self.searched..];
        let Some(length) = memchr(b'\n', unsearched) else {
            self.searched = self.buffer.len();
            let offset = self.offset + self.given as u64;
            check_length(self.searched - self.given, offset)?;
            return Ok(None);
        };
        let place = self.given..self.searched + length;
        self.given = place.end + 1;
        self.searched = self.given;
        Ok(Some(place))
    }

    /// Where what is left is.
    fn find_rest(&mut self) -> Option<Range<usize>> {
        let place = self.given..self.buffer.len();
        self.given = place.end;
        self.searched = place.end;
        (!place.is_empty()).then_some(place)
    }

    /// The line at a place that was found since bytes were last added.
    pub(super) fn line(&self, place: Range<usize>) -> Result<Line<'_>, Fault> {
        let offset = self.offset + place.start as u64;
        let bytes = &self.buffer[place];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        check_length(bytes.len(), offset)?;
        let text = std::str::from_utf8(bytes).map_err(|error| Fault::Malformed {
            offset: offset + error.valid_up_to() as u64,
            what: "no UTF-8",
        })?;
        Ok(Line { text, offset })
    }
}

const fn check_length(length: usize, offset: u64) -> Result<(), Fault> {
    if length <= MAX_LINE_BYTES {
        return Ok(());
    }
    Err(Fault::Malformed {
        offset,
        what: "a line without end",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(bytes: &[u8], size: usize) -> Result<Vec<(String, u64)>, Fault> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            lines.push(piece);
            while let Some(line) = lines.next()? {
                found.push((line.text.to_owned(), line.offset));
            }
        }
        let rest = lines.rest()?;
        found.extend(rest.map(|line| (line.text.to_owned(), line.offset)));
        Ok(found)
    }

    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_come() {
        let bytes = "eins\r\n\nzwölf 🦀\nrest".as_bytes();
        let expected = vec![
            ("eins".to_owned(), 0),
            (String::new(), 6),
            ("zwölf 🦀".to_owned(), 7),
            ("rest".to_owned(), 19),
        ];
        for size in 1..=bytes.len() {
            assert_eq!(split(bytes, size).unwrap(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_stopped() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MAX_LINE_BYTES]);
        assert_eq!(lines.next(), Ok(None));
        lines.push(b"x");
        assert!(lines.next().is_err());
    }

    #[test]
    fn bytes_that_are_no_text_are_found_where_they_are() {
        let fault = split(b"good\nba\xffd\n", 3).unwrap_err();
        let expected = Fault::Malformed {
            offset: 7,
            what: "no UTF-8",
        };
        assert_eq!(fault, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_what_splitting_them_at_once_gives(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            size in 1usize..20,
        ) {
            prop_assert_eq!(split(&bytes, size), split(&bytes, usize::MAX));
        }
    }
}
