//! Lines of JSON from bytes: one value a line, empty lines passed over.
//!
//! Only the framing; what a value means is the adapter's business.

use super::lines::{Line, Lines};
use crate::error::Fault;

/// Collects bytes and gives lines that are not empty.
#[derive(Debug, Default)]
pub(crate) struct NdJson {
    lines: Lines,
}

impl NdJson {
    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next whole value's text, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Fault> {
        while let Some(place) = self.lines.find()? {
            if !self.lines.line(place.clone())?.text.trim().is_empty() {
                return self.lines.line(place).map(Some);
            }
        }
        Ok(None)
    }

    /// The last value of a stream that ended without an end of line.
    pub(crate) fn rest(&mut self) -> Result<Option<Line<'_>>, Fault> {
        let rest = self.lines.rest()?;
        Ok(rest.filter(|line| !line.text.trim().is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_passed_over_and_the_last_needs_no_end() {
        let mut values = NdJson::default();
        let mut found = Vec::new();
        for byte in b"{\"a\":1}\r\n\n  \n{\"b\":2}" {
            values.push(&[*byte]);
            while let Some(line) = values.next().unwrap() {
                found.push(line.text.to_owned());
            }
        }
        let rest = values.rest().unwrap();
        found.extend(rest.map(|line| line.text.to_owned()));
        assert_eq!(found, ["{\"a\":1}", "{\"b\":2}"]);
    }
}
