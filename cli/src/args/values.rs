//! Values of flags that are more than a word: spans of time, money, scores, tags, formats.

use std::time::Duration;

use terrace_domain::{NanoUsd, Score};

use super::Format;

/// From when on a summary counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// From the beginning of the day in the budget's time zone.
    Today,
    /// From so long ago.
    Ago(Duration),
}

/// A span of time with its unit, as 500ms, 120s, 2m, 24h, 7d.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no span of time, as 500ms, 120s, 2m, 24h or 7d");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => return positive(Duration::from_millis(number)),
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
        .and_then(positive)
}

fn positive(span: Duration) -> Result<Duration, String> {
    if span.is_zero() {
        return Err("must be more than nothing".to_owned());
    }
    Ok(span)
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    match text {
        "today" => Ok(Since::Today),
        _ => duration(text)
            .map(Since::Ago)
            .map_err(|error| format!("{error}, or `today`")),
    }
}

pub(super) fn score(text: &str) -> Result<Score, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is no number between 0 and 1"))?;
    Score::new(number).map_err(|error| error.to_string())
}

pub(super) fn temperature(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no number between 0 and 2");
    let number: f64 = text.parse().map_err(|_| wrong())?;
    (0.0..=2.0)
        .contains(&number)
        .then_some(number)
        .ok_or_else(wrong)
}

/// Dollars, with or without the sign.
pub(super) fn usd(text: &str) -> Result<NanoUsd, String> {
    let amount: NanoUsd = text
        .strip_prefix('$')
        .unwrap_or(text)
        .parse()
        .map_err(|error: terrace_domain::money::InvalidAmount| error.to_string())?;
    if amount < NanoUsd::ZERO {
        return Err("must not be negative".to_owned());
    }
    Ok(amount)
}

pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("is no KEY=VALUE, as team=search".to_owned()),
    }
}

pub(super) fn format(text: &str) -> Result<Format, String> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    match (kind, value) {
        ("json", "") => Ok(Format::Json),
        ("json-schema", schema) if !schema.is_empty() => Ok(Format::JsonSchema(schema.to_owned())),
        ("choice", options) if !options.is_empty() => Ok(Format::Choice(
            options.split(',').map(str::to_owned).collect(),
        )),
        ("regex", pattern) if !pattern.is_empty() => Ok(Format::Regex(pattern.to_owned())),
        _ => Err("is none of json, json-schema=@FILE, choice=a,b and regex=PATTERN".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_units() {
        let seconds = |text| duration(text).map(|span| span.as_secs_f64());
        assert_eq!(seconds("500ms"), Ok(0.5));
        assert_eq!(seconds("120s"), Ok(120.0));
        assert_eq!(seconds("90"), Ok(90.0));
        assert_eq!(seconds("2m"), Ok(120.0));
        assert_eq!(seconds("7d"), Ok(7.0 * 86_400.0));
        for wrong in [
            "",
            "s",
            "-1s",
            "1.5h",
            "1w",
            "0s",
            "99999999999999999999d",
            "999999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn today_is_a_time_to_count_from() {
        assert_eq!(since("today"), Ok(Since::Today));
        assert_eq!(since("24h"), Ok(Since::Ago(Duration::from_secs(86_400))));
        assert!(since("yesterday").unwrap_err().contains("today"));
    }

    #[test]
    fn dollars_are_exact_and_never_negative() {
        assert_eq!(usd("0.05"), Ok(NanoUsd::new(50_000_000)));
        assert_eq!(usd("$1"), Ok(NanoUsd::new(1_000_000_000)));
        assert!(usd("-1").is_err());
        assert!(usd("1e-3").is_err());
    }

    #[test]
    fn numbers_keep_to_their_ranges() {
        assert!(score("0.7").is_ok() && score("1.1").is_err() && score("NaN").is_err());
        assert!(temperature("2").is_ok() && temperature("2.1").is_err());
    }

    #[test]
    fn formats_are_told_apart_by_their_first_word() {
        assert_eq!(format("json"), Ok(Format::Json));
        assert_eq!(
            format("json-schema=@a=b.json"),
            Ok(Format::JsonSchema("@a=b.json".into()))
        );
        assert_eq!(
            format("choice=yes,no"),
            Ok(Format::Choice(vec!["yes".into(), "no".into()]))
        );
        assert_eq!(format("regex=a=b"), Ok(Format::Regex("a=b".into())));
        for wrong in ["", "xml", "choice", "regex=", "json-schema=", "json=1"] {
            assert!(format(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tag_may_have_an_empty_value_and_no_empty_key() {
        assert_eq!(tag("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(tag("a="), Ok(("a".into(), String::new())));
        assert!(tag("=b").is_err() && tag("a").is_err());
    }
}
