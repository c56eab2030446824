//! Numbers in answers, compared digit by digit and never as floats.

/// The last number that `text` names, in one way of writing: no thousands separators, no zeros that
/// do not count, no plus. Answers that reason come to their result at the end.
pub(super) fn last_in(text: &str) -> Option<String> {
    let starts = text.char_indices().filter(|(at, letter)| {
        let before = text[..*at].chars().next_back();
        letter.is_ascii_digit() && !before.is_some_and(|before| is_inside(before, &text[..*at]))
    });
    // From the end: the first that is found there is the last of the text.
    starts.filter_map(|(at, _)| number_at(text, at)).next_back()
}

/// Whether a digit behind `before` goes on with a number or a word instead of beginning a number.
fn is_inside(before: char, text: &str) -> bool {
    let digit_before_that = || {
        let mut letters = text.chars().rev();
        letters.next();
        letters.next().is_some_and(|letter| letter.is_ascii_digit())
    };
    before.is_alphanumeric()
        || before == '_'
        || (matches!(before, '.' | ',') && digit_before_that())
}

/// The number whose first digit stands at `at`, with what stands before it: a sign, a bare point.
fn number_at(text: &str, at: usize) -> Option<String> {
    let digits: String = text[at..]
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ','))
        .collect();
    let before = &text[..at];
    let (before, bare_point) = match before.strip_suffix('.') {
        Some(rest) if !rest.ends_with(|letter: char| letter.is_alphanumeric()) => (rest, true),
        _ => (before, false),
    };
    let digits = digits.trim_end_matches(['.', ',']).replace(',', "");
    let (whole, part) = if bare_point {
        ("", digits.as_str())
    } else {
        digits.split_once('.').unwrap_or((&digits, ""))
    };
    if part.contains('.') {
        // 1.2.3 is a version, not a number.
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let sign = if is_negative(before) { "-" } else { "" };
    Some(match (whole, part) {
        ("", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        ("", part) => format!("{sign}0.{part}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    })
}

/// Whether a minus stands before a number, and not a dash between two words or numbers.
fn is_negative(before: &str) -> bool {
    let before = before.trim_end_matches(['$', '\u{20ac}', '\u{a3}']);
    let Some(rest) = before.strip_suffix(['-', '\u{2212}']) else {
        return false;
    };
    !rest.ends_with(|letter: char| letter.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_found_however_it_is_written() {
        let same = [
            ("42", "42"),
            ("The answer is 42.", "42"),
            ("6 * 7 = 42", "42"),
            ("042.00", "42"),
            ("$1,234.50", "1234.5"),
            ("so 1234.5 in all", "1234.5"),
            ("-0.50", "-0.5"),
            ("it is -.5", "-0.5"),
            ("-$3", "-3"),
            ("between 3-4", "4"),
            ("**7**", "7"),
            ("x2 is 9", "9"),
            ("0.0", "0"),
            ("-0", "0"),
        ];
        for (text, number) in same {
            assert_eq!(last_in(text).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_number_has_none() {
        for text in ["", "none", "v1.2.3", "x2", "1.2.3", "..."] {
            assert_eq!(last_in(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in ["\u{e4}1", "1\u{e4}", ",,1", ".", "1.,", "-", "\u{2212}5"] {
            let _number = last_in(text);
        }
        assert_eq!(last_in("\u{2212}5").as_deref(), Some("-5"));
    }
}
