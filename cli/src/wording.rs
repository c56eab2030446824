//! Words and numbers as people read them: money, spans of time, outcomes, safe text.

use std::time::Duration;

use terrace_domain::NanoUsd;
use terrace_proto::common::v1::{AttemptOutcome, FinishReason};

/// Dollars without the sign, as JSON carries them beside the integer.
pub(crate) fn usd(nanos: i64) -> String {
    NanoUsd::new(nanos).to_string().replace('$', "")
}

/// Dollars with the sign.
pub(crate) fn money(nanos: i64) -> String {
    NanoUsd::new(nanos).to_string()
}

/// Dollars to the nearest cent, with a comma between thousands: for sums of a month.
pub(crate) fn cents(nanos: i64) -> String {
    const NANOS: u64 = 10_000_000;
    let sign = if nanos < 0 { "-" } else { "" };
    let cents = (nanos.unsigned_abs() + NANOS / 2) / NANOS;
    format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100)
}

/// A count with a comma between thousands.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole in percent.
pub(crate) fn percents(part: f64) -> String {
    // What rounds to nothing is not less than nothing.
    let tenths = (part * 1000.0).round() / 10.0 + 0.0;
    format!("{tenths:.1} %")
}

/// A price per million tokens: as few decimals as it needs, at least two.
pub(crate) fn price(nanos: i64) -> String {
    let text = money(nanos);
    let decimals = text.find('.').map_or(0, |dot| text.len() - dot - 1);
    let zeros = text.len() - text.trim_end_matches('0').len();
    text[..text.len() - zeros.min(decimals.saturating_sub(2))].to_owned()
}

/// A span of time in the unit that fits.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..10 => format!("{:.2}s", span.as_secs_f64()),
        10..60 => format!("{:.1}s", span.as_secs_f64()),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A span of time from the wire; nothing when there is none.
pub(crate) fn wire_span(wire: Option<&prost_types::Duration>) -> Duration {
    wire.and_then(terrace_proto::convert::duration)
        .unwrap_or_default()
}

/// How an attempt ended, in a word.
pub(crate) const fn outcome(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Unspecified => "unspecified",
        AttemptOutcome::Accepted => "accepted",
        AttemptOutcome::Rejected => "rejected",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::Cancelled => "cancelled",
        AttemptOutcome::Skipped => "skipped",
        AttemptOutcome::Presumed => "presumed",
    }
}

/// Why a model stopped, in a word.
pub(crate) const fn finish(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Unspecified => "unspecified",
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// A value of an enum of the contract as JSON carries it: `TASK_KIND_CODE` becomes `code`.
pub(crate) fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// A model's name, marked when a script plays it.
pub(crate) fn model(name: &str, scripted: bool) -> String {
    let name = clean(name);
    if scripted {
        return format!("{name} (scripted stand-in, no real model)");
    }
    name
}

/// A text without characters that could steer a terminal; lines and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(harmless).collect()
}

/// A text on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_at_least_two_decimals_and_none_too_many() {
        assert_eq!(price(3_000_000_000), "$3.00");
        assert_eq!(price(250_000_000), "$0.25");
        assert_eq!(price(75_000_000), "$0.075");
        assert_eq!(price(1), "$0.000000001");
    }

    #[test]
    fn sums_of_a_month_are_told_to_the_cent() {
        assert_eq!(cents(16_500_000_000), "$16.50");
        assert_eq!(cents(14_220_004_999_999), "$14,220.00");
        assert_eq!(cents(-1_234_567_895_000_000), "-$1,234,567.90");
        assert_eq!(thousands(1_000), "1,000");
    }

    #[test]
    fn parts_are_told_in_percent() {
        assert_eq!(percents(0.877_78), "87.8 %");
        assert_eq!(percents(-0.000_01), "0.0 %");
        assert_eq!(percents(-0.25), "-25.0 %");
    }

    #[test]
    fn a_span_is_told_in_the_unit_that_fits() {
        let told = |millis| span(Duration::from_millis(millis));
        assert_eq!(told(87), "87ms");
        assert_eq!(told(1_240), "1.24s");
        assert_eq!(told(12_300), "12.3s");
        assert_eq!(told(72_000), "1m 12s");
        assert_eq!(told(5 * 3_600_000 + 12 * 60_000), "5h 12m");
        assert_eq!(told(49 * 3_600_000), "2d 1h");
    }

    #[test]
    fn an_answer_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\td\u{7}\u{9b}1m"), "a[2Jb\nc\td1m");
        assert_eq!(one_line(" two\n lines "), "two lines");
    }

    #[test]
    fn enum_names_lose_their_prefix() {
        assert_eq!(lower("TASK_KIND_CODE", "TASK_KIND_"), "code");
    }
}
