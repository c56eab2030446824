//! Words of a text with their places, for everything that counts cues.
//!
//! A word is a run of letters, digits, `_`, `-`, `'`, `+` and `#`, so that `step-by-step`,
//! `snake_case` and `c++` stay whole. Any byte beyond ASCII counts as a letter: other scripts
//! make words too, only none that a table knows. The text is expected in lower case.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// What is known of some words, looked for with every word of a prompt. What a caller writes is never
/// put into it, so its hash needs no secret.
pub(crate) type Table<T> = HashMap<&'static str, T, FixedState>;

/// Iterates over the words of a text and the byte each begins at.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// Starts at the beginning of `text`.
    pub(crate) const fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let begin = self.at + bytes[self.at..].iter().position(|byte| begins(*byte))?;
        let length = bytes[begin..].iter().position(|byte| !continues(*byte));
        let end = length.map_or(bytes.len(), |length| begin + length);
        self.at = end;
        // Both ends lie beside an ASCII byte or at the text's own end, so they are boundaries.
        let word = self.text.get(begin..end)?;
        Some((begin, word.trim_end_matches(['-', '\''])))
    }
}

const fn begins(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

const fn continues(byte: u8) -> bool {
    begins(byte) || matches!(byte, b'-' | b'\'' | b'+' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        Words::of(text).map(|(_, word)| word).collect()
    }

    #[test]
    fn compound_words_and_language_names_stay_whole() {
        assert_eq!(
            words("step-by-step: don't (use) c++ or c# in my_file."),
            [
                "step-by-step",
                "don't",
                "use",
                "c++",
                "or",
                "c#",
                "in",
                "my_file"
            ]
        );
    }

    #[test]
    fn headings_dashes_and_quotes_are_no_part_of_a_word() {
        assert_eq!(words("## title -- 'quoted' -"), ["title", "quoted"]);
    }

    #[test]
    fn other_scripts_make_words_too() {
        assert_eq!(words("größe: 東京 π"), ["größe", "東京", "π"]);
        assert_eq!(words(""), [""; 0]);
    }
}
