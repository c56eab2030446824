//! The numbers of a text, in digits and in words.

/// The numbers that stand in a text in digits, one after the other.
///
/// `1,250` is one number and so is `0.5`; a sign before it is for whoever reads an equation.
#[derive(Debug, Clone)]
pub struct Numbers<'a> {
    rest: &'a str,
}

impl<'a> Numbers<'a> {
    /// Starts at the beginning of `text`.
    #[must_use]
    pub const fn of(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl Iterator for Numbers<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let at = self.rest.find(|c: char| c.is_ascii_digit())?;
        let (number, rest) = leading(&self.rest[at..])?;
        self.rest = rest;
        Some(number)
    }
}

/// The number that a text begins with, and what stands behind it.
pub(super) fn leading(text: &str) -> Option<(f64, &str)> {
    let mut end = digits(text);
    if end == 0 {
        return None;
    }
    let mut clean = text[..end].to_owned();
    // A comma belongs to the number only where three digits follow, and no fourth.
    while end <= 15 && text[end..].starts_with(',') && digits(&text[end + 1..]) == 3 {
        clean.push_str(&text[end + 1..end + 4]);
        end += 4;
    }
    if let Some(behind) = text[end..].strip_prefix('.') {
        let decimals = digits(behind);
        if decimals > 0 {
            clean.push('.');
            clean.push_str(&behind[..decimals]);
            end += 1 + decimals;
        }
    }
    Some((clean.parse().ok()?, &text[end..]))
}

fn digits(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit());
    end.unwrap_or(text.len())
}

/// Words that stand for a number, or for one that a question means without saying it.
const WORDS: [(&str, f64); 30] = [
    ("zero", 0.0),
    ("one", 1.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("fifteen", 15.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("hundred", 100.0),
    ("thousand", 1000.0),
    ("million", 1e6),
    ("half", 0.5),
    ("quarter", 0.25),
    ("third", 3.0),
    ("twice", 2.0),
    ("double", 2.0),
    ("triple", 3.0),
    ("thrice", 3.0),
    ("dozen", 12.0),
    ("week", 7.0),
];

/// The numbers that stand in a text in words, whatever their case.
pub fn in_words(text: &str) -> impl Iterator<Item = f64> {
    let words = text.split(|c: char| !c.is_ascii_alphabetic());
    words.filter_map(|word| {
        let is = |name: &str| {
            let stem = word.strip_suffix(['s', 'S']).unwrap_or(word);
            word.eq_ignore_ascii_case(name) || stem.eq_ignore_ascii_case(name)
        };
        let found = WORDS.iter().find(|(name, _)| is(name));
        found.map(|(_, value)| *value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Vec<f64> {
        Numbers::of(text).collect()
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(
            of("1,250 and 0.5, 3. In 12,34"),
            [1250.0, 0.5, 3.0, 12.0, 34.0]
        );
        assert_eq!(of("no number"), [] as [f64; 0]);
        let words: Vec<_> = in_words("Three weeks, a Dozen eggs, and one half").collect();
        assert_eq!(words, [3.0, 7.0, 12.0, 1.0, 0.5]);
    }

    proptest! {
        #[test]
        fn any_text_has_finite_numbers(text in "(?s)[0-9,. a-zé]{0,200}") {
            prop_assert!(of(&text).iter().all(|number| number.is_finite()));
        }
    }

    #[test]
    fn digits_without_end_are_one_number() {
        assert_eq!(of(&"9".repeat(1000)).len(), 1);
    }
}
