//! Reads `action=edit_file since=24h tag.topic="async io"`: which rows somebody wants to see.
//!
//! Terms are separated by blanks, all have to hold, each may be given once. A word that means
//! nothing is an error that names what there is: a filter that is ignored shows too much.

mod terms;

use std::collections::BTreeMap;

use terrace_config::TimeZone;
use terrace_domain::Violations;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};
use time_tz::OffsetDateTimeExt as _;

use crate::budget::Period;
use crate::outcome::StepOutcome;

/// The words that a term can begin with, `tag.NAME` apart.
const WORDS: &str = "project, key, action, tier, backend, model, outcome, tag.NAME, since, until";

/// Which rows. Absent: any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) project: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) outcome: Option<StepOutcome>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) since: Option<Moment>,
    pub(crate) until: Option<Moment>,
}

/// A point of time as people give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// The beginning of the day at hand.
    Today,
    /// The beginning of a date.
    Day(Date),
    /// Exactly then.
    At(OffsetDateTime),
}

impl Moment {
    /// The moment itself, as seen at `now` from `zone`.
    pub(crate) fn resolve(self, now: OffsetDateTime, zone: TimeZone) -> OffsetDateTime {
        match self {
            Self::Ago(span) => now.checked_sub(span).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            Self::Today => Period::day_of(now, zone).start,
            Self::Day(date) => beginning_of(date, zone),
            Self::At(at) => at,
        }
    }
}

/// The moment in which a date begins in `zone`. It has begun at midnight or at noon of UTC, as no
/// zone is farther away.
fn beginning_of(date: Date, zone: TimeZone) -> OffsetDateTime {
    let midnight = date.midnight().assume_utc();
    let days = [midnight, midnight + Duration::hours(12)].map(|at| Period::day_of(at, zone));
    let is_it = |day: &Period| {
        let middle: OffsetDateTime = day.start + (day.end - day.start) / 2;
        middle.to_timezone(zone.rules()).date() == date
    };
    days.into_iter()
        .find(is_it)
        .map_or(midnight, |day| day.start)
}

impl Filter {
    /// Reads a filter and notes under `field` all that is wrong with it.
    pub(crate) fn read(text: &str, field: &str, wrong: &mut Violations) -> Self {
        let mut filter = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for term in terms::of(text) {
            let read = term.and_then(|(word, value)| {
                if !seen.insert(word.clone()) {
                    return Err(format!("has {word} twice: give it once"));
                }
                filter.take(&word, value)
            });
            if let Err(problem) = read {
                wrong.add(field, problem);
            }
        }
        filter
    }

    fn take(&mut self, word: &str, value: String) -> Result<(), String> {
        if value.is_empty() && !word.starts_with("tag.") {
            return Err(format!("has nothing behind {word}="));
        }
        match word {
            "project" => self.project = Some(value),
            "key" => self.key = Some(value),
            "action" => self.action = Some(value),
            "tier" => self.tier = Some(value),
            "backend" => self.backend = Some(value),
            "model" => self.model = Some(value),
            "outcome" => self.outcome = Some(outcome(&value)?),
            "since" => self.since = Some(moment(word, &value)?),
            "until" => self.until = Some(moment(word, &value)?),
            _ => match word.strip_prefix("tag.") {
                Some(name) if !name.is_empty() => {
                    self.tags.insert(name.to_owned(), value);
                }
                _ => {
                    return Err(format!(
                        "has {word}=, which is nothing that rows have: there are {WORDS}"
                    ));
                }
            },
        }
        Ok(())
    }
}

fn outcome(value: &str) -> Result<StepOutcome, String> {
    value.parse().map_err(|_| {
        format!(
            "has outcome={value}: outcomes are accepted, rejected, failed, cancelled, skipped and \
             presumed"
        )
    })
}

fn moment(word: &str, value: &str) -> Result<Moment, String> {
    if value == "today" {
        return Ok(Moment::Today);
    }
    if let Some(span) = span(value) {
        return Ok(Moment::Ago(span));
    }
    let date = format_description!("[year]-[month]-[day]");
    if let Ok(date) = Date::parse(value, date) {
        return Ok(Moment::Day(date));
    }
    OffsetDateTime::parse(value, &Rfc3339)
        .map(Moment::At)
        .map_err(|_| {
            format!(
                "has {word}={value}: give a span before now (90m, 24h, 7d), today, a date \
                 (2026-11-26) or a time (2026-11-26T12:00:00Z)"
            )
        })
}

fn span(value: &str) -> Option<Duration> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let number: i64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::{date, datetime};

    fn read(text: &str) -> Result<Filter, Vec<String>> {
        let mut wrong = Violations::new();
        let filter = Filter::read(text, "filter", &mut wrong);
        wrong
            .finish()
            .map_err(|failure| failure.fields.into_iter().map(|f| f.description).collect())
            .map(|()| filter)
    }

    #[test]
    fn every_term_lands_in_its_place() {
        let filter = read(
            r#" action=edit_file  since=24h tier=local_fast model="llama3.2:3b" outcome=rejected
               project=search key=k1 backend=ollama tag.topic="async \"io\"" until=2026-11-26 "#,
        )
        .unwrap();
        assert_eq!(filter.action.as_deref(), Some("edit_file"));
        assert_eq!(filter.model.as_deref(), Some("llama3.2:3b"));
        assert_eq!(filter.outcome, Some(StepOutcome::Rejected));
        assert_eq!(filter.tags["topic"], "async \"io\"");
        assert_eq!(filter.since, Some(Moment::Ago(Duration::DAY)));
        assert_eq!(filter.until, Some(Moment::Day(date!(2026 - 11 - 26))));
        assert_eq!(read(""), Ok(Filter::default()));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_how_to_do_it_right() {
        let wrong = read("acton=x tier= since=soon tier=a outcome=good plain tag.=x").unwrap_err();
        let all = wrong.join("\n");
        assert_eq!(wrong.len(), 7, "{all}");
        for part in [
            "acton=, which is nothing that rows have: there are project",
            "nothing behind tier=",
            "give a span before now",
            "tier twice",
            "outcomes are accepted",
            "\"plain\" is no term",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let open = read("action=\"never closed").unwrap_err();
        assert!(open[0].contains("quote"), "{open:?}");
    }

    #[test]
    fn moments_are_seen_from_now_and_from_the_ledgers_time_zone() {
        let now = datetime!(2026-11-26 23:30 UTC);
        let berlin = TimeZone::by_name("Europe/Berlin").unwrap();
        let at = |text: &str| moment("since", text).unwrap().resolve(now, berlin);
        assert_eq!(at("90m"), datetime!(2026-11-26 22:00 UTC));
        assert_eq!(at("today"), datetime!(2026-11-27 00:00 +1));
        assert_eq!(at("2026-11-20"), datetime!(2026-11-20 00:00 +1));
        assert_eq!(
            at("2026-11-20T01:02:03Z"),
            datetime!(2026-11-20 01:02:03 UTC)
        );
        assert_eq!(at("99999999999999d"), OffsetDateTime::UNIX_EPOCH);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}") {
            drop(read(&text));
        }

        #[test]
        fn a_quoted_value_is_read_as_it_is(value in "[^\\x00]{1,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = read(&format!("action=\"{quoted}\"")).unwrap();
            prop_assert_eq!(filter.action, Some(value));
        }
    }
}
