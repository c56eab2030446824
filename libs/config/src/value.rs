//! Values with units: durations, sizes, secrets, time zones.
//!
//! A number without a unit is the commonest mistake in a config, so each of these is written with
//! its unit and held in a type that cannot be taken for another.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

/// A number of bytes, written as `512KiB`, `16MiB`, `1GB` or a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 bytes.
    #[must_use]
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// So many times 1,048,576 bytes.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, unit) = split_unit(text);
        let factor: u64 = match unit {
            "" | "B" => 1,
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(()),
        };
        let number: u64 = number.parse().map_err(|_| ())?;
        number.checked_mul(factor).map(Self).ok_or(())
    }
}

impl fmt::Display for ByteSize {
    /// In the largest binary unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if bytes != 0 && bytes.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", bytes >> shift);
            }
        }
        write!(f, "{bytes}B")
    }
}

/// Reads `300ms`, `1.5s`, `2m`, `1h`, `1d`; a bare number is seconds.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    // Whole milliseconds, so that 300ms is not a nanosecond less.
    let millis = (number * seconds * 1000.0).round();
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}

/// Writes a duration as it would be written in the file.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
    ] {
        if millis != 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// The number and the letters after it.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    (text[..end].trim_end(), &text[end..])
}

/// Something that is kept out of the config file: it comes from the environment or from a file
/// of its own, and prints as `[REDACTED]`.
#[derive(Debug, Clone, Default)]
pub enum Secret {
    /// The config asks for none.
    #[default]
    Unset,
    /// The config names a place where there is none. Not an error on loading: only the part that
    /// needs it fails, and says what is missing.
    Missing {
        /// Where it was looked for, as `the variable OPENAI_API_KEY`.
        source: String,
    },
    /// The secret.
    Value(SecretString),
    /// It is in a file, which may be replaced while the service runs.
    File(SecretFile),
}

impl Secret {
    /// The secret, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&SecretString> {
        match self {
            Self::Value(value) => Some(value),
            Self::File(file) => file.value.as_ref(),
            Self::Unset | Self::Missing { .. } => None,
        }
    }

    /// Where the secret should be and is not.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing { source } => Some(source),
            Self::File(file) if file.value.is_none() => Some(&file.source),
            Self::Unset | Self::Value(_) | Self::File(_) => None,
        }
    }
}

/// A file that holds a secret, and what was in it when it was last read.
#[derive(Debug, Clone)]
pub struct SecretFile {
    path: PathBuf,
    /// The path in words.
    source: String,
    value: Option<SecretString>,
}

/// The longest secret in a file.
const MAX_SECRET_BYTES: u64 = 64 << 10;

impl SecretFile {
    /// Reads the file at `path`; a file that is not there holds nothing.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            source: format!("the file {}", path.display()),
            value: read_secret(path),
        }
    }

    /// The same file as it is now.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::read(&self.path)
    }

    /// The file in words, as `the file /run/secrets/key`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the other holds the same secret.
    #[must_use]
    pub fn holds_the_same(&self, other: &Self) -> bool {
        let text = |file: &Self| {
            file.value
                .as_ref()
                .map(|value| value.expose_secret().to_owned())
        };
        text(self) == text(other)
    }
}

fn read_secret(path: &Path) -> Option<SecretString> {
    // A device or a pipe could block or never end.
    let regular = path.metadata().is_ok_and(|metadata| metadata.is_file());
    let file = regular.then(|| File::open(path).ok()).flatten()?;
    let mut text = String::new();
    file.take(MAX_SECRET_BYTES).read_to_string(&mut text).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}

/// A time zone of the IANA database, as `Europe/Berlin`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeZone {
    name: &'static str,
    zone: &'static time_tz::Tz,
}

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self {
        name: "UTC",
        zone: time_tz::timezones::db::UTC,
    };

    /// The zone called `name`, if the database knows it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        use time_tz::TimeZone as _;
        let zone = time_tz::timezones::get_by_name(name)?;
        // The database calls it `Etc/UTC`; people do not.
        if zone.name() == "Etc/UTC" {
            return Some(Self::UTC);
        }
        Some(Self {
            name: zone.name(),
            zone,
        })
    }

    /// The names of all zones.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        use time_tz::TimeZone as _;
        time_tz::timezones::iter().map(|zone| zone.name())
    }

    /// Its name in the database; PostgreSQL knows it by the same.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Its rules.
    #[must_use]
    pub const fn rules(self) -> &'static time_tz::Tz {
        self.zone
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bare_numbers_are_seconds() {
        for (text, millis) in [
            ("300ms", 300),
            ("5s", 5000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("3600", 3_600_000),
            ("0.5", 500),
            ("1.5 s", 1500),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["", "s", "-1s", "5 parsecs", "1e400", "5s5", "nan", "infs"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_binary_or_decimal_as_their_unit_says() {
        for (text, bytes) in [
            ("512", 512),
            ("1KiB", 1024),
            ("1KB", 1000),
            ("16MiB", 16 << 20),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::bytes(bytes)), "{text}");
        }
        for text in ["", "-1", "1.5MiB", "16M", "99999999999GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for size in [ByteSize::bytes(1), ByteSize::kib(3), ByteSize::mib(16)] {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for millis in [1, 300, 5000, 90_000, 7_200_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }
    }

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::Value(SecretString::from("canary"));
        assert!(!format!("{secret:?}").contains("canary"));
    }

    #[test]
    fn time_zones_are_those_of_the_database() {
        assert_eq!(
            TimeZone::by_name("Europe/Berlin").map(TimeZone::name),
            Some("Europe/Berlin")
        );
        assert_eq!(TimeZone::by_name("UTC"), Some(TimeZone::UTC));
        assert!(TimeZone::by_name("Europe/Atlantis").is_none());
    }
}
