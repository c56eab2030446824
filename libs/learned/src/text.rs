//! A text as words: runs of letters in lower case, numbers by their length, single signs.
//!
//! A number becomes `#` and its count of digits up to four, because which number stands there
//! says little about how hard a question is, and because it keeps phone numbers out. Beyond ASCII
//! every byte counts as a letter. Of a long text only the head and the tail are read.

use crate::hash;

/// How much of the beginning of a text is read, in bytes.
pub const HEAD_BYTES: usize = 24 * 1024;
/// How much of its end is read, if it is longer than that.
pub const TAIL_BYTES: usize = 8 * 1024;

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Its hash.
    pub hash: u64,
    /// Its length in bytes.
    pub bytes: usize,
    /// What it is made of.
    pub kind: Kind,
}

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters.
    Letters,
    /// Digits.
    Number,
    /// One sign.
    Sign(u8),
}

/// The parts of a text that are read: all of it, or its head and its tail.
#[must_use]
pub fn ends(text: &str) -> [&str; 2] {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return [text, ""];
    }
    let head = text.floor_char_boundary(HEAD_BYTES);
    let tail = text.ceil_char_boundary(text.len() - TAIL_BYTES);
    [&text[..head], &text[tail..]]
}

/// The words of a text, one after the other.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// Starts at the beginning of `text`.
    #[must_use]
    pub const fn of(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// The length of the run that begins here and whose bytes are all `wanted`.
    fn run(&self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !wanted(*byte));
        &rest[..length.unwrap_or(rest.len())]
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let blanks = self.run(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
        self.at += blanks.len();
        let first = *self.bytes.get(self.at)?;
        let (run, kind, hash) = if is_letter(first) {
            let run = self.run(is_letter);
            let lower = run.iter().map(u8::to_ascii_lowercase);
            (run, Kind::Letters, lower.fold(hash::SEED, hash::push))
        } else if first.is_ascii_digit() {
            let run = self.run(|byte| byte.is_ascii_digit());
            let length = run.len().min(4) as u8;
            (run, Kind::Number, hash::of(&[b'#', length]))
        } else {
            let sign = &self.bytes[self.at..=self.at];
            (sign, Kind::Sign(first), hash::of(sign))
        };
        self.at += run.len();
        Some(Word {
            hash,
            bytes: run.len(),
            kind,
        })
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(usize, Kind)> {
        Words::of(text)
            .map(|word| (word.bytes, word.kind))
            .collect()
    }

    #[test]
    fn letters_numbers_and_signs_are_told_apart() {
        let found = kinds("It's 42 größe\n");
        let letters = Kind::Letters;
        assert_eq!(
            found,
            [
                (2, letters),
                (1, Kind::Sign(b'\'')),
                (1, letters),
                (2, Kind::Number),
                (7, letters)
            ]
        );
        assert!(kinds(" \n\t").is_empty());
    }

    #[test]
    fn case_and_which_number_it_is_do_not_count() {
        let hashes = |text| Words::of(text).map(|word| word.hash).collect::<Vec<_>>();
        assert_eq!(hashes("Paris 1234"), hashes("paris 987654"));
        assert_ne!(hashes("7"), hashes("17"));
    }

    #[test]
    fn a_long_text_has_two_ends_at_the_boundaries_of_signs() {
        let text = "é".repeat(100_000);
        let [head, tail] = ends(&text);
        assert!(head.len() <= HEAD_BYTES && tail.len() <= TAIL_BYTES);
        assert!(head.len() + tail.len() > HEAD_BYTES);
        assert_eq!(ends("short"), ["short", ""]);
    }
}
