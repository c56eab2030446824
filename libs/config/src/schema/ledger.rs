//! `ledger`: the database behind the books, and when a reservation is given up.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::decode::Section;
use crate::read::{choice, count, duration, size, word};
use crate::schema::{History, Leases};
use crate::secret::{self, Keys};
use crate::value::{ByteSize, Secret};

/// The database behind the books, and when a reservation is given up.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Where PostgreSQL is, as `postgres://user@host/terrace`. Held as a secret: it may carry a
    /// password, which then comes from a file or the environment.
    pub database_url: Secret,
    /// After this a reservation nobody settled is settled at its worst case, marked `presumed`.
    /// Default: 10 min.
    pub reservation_ttl: Duration,
    /// How often expired reservations are looked for. Default: 5 s.
    pub reaper_interval: Duration,
    /// The connections kept to the database, two or more: one of them writes batches. Default: 8.
    pub max_connections: u32,
    /// For one statement, its wait for a lock included. Default: 10 s.
    pub statement_timeout: Duration,
    /// To get a connection, the wait for a free one and new tries included; one try to connect has
    /// 5 s at most. Default: 10 s.
    pub connect_timeout: Duration,
    /// Where free settlements wait while the database is away.
    pub spool: Spool,
    /// How long rows are kept, and in what pieces.
    pub history: History,
    /// What of a hot budget orchestrators may decide over by themselves.
    pub leases: Leases,
    /// When what costs nothing is answered. Default: strict.
    pub durability: Durability,
}

/// When what costs nothing is answered. What costs is always on the database's disk first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on the database's disk, and on its synchronous standbys.
    #[default]
    Strict,
    /// At once, and it is in the books a moment later: a crash, of an orchestrator or of the database's
    /// server, loses the free requests of its last moments from the books.
    Relaxed,
}

const DURABILITY: &[(&str, Durability)] = &[
    ("strict", Durability::Strict),
    ("relaxed", Durability::Relaxed),
];

/// Where free settlements wait while the database is away.
#[derive(Debug, Clone)]
pub struct Spool {
    /// A folder of this ledger alone, on a disk that outlasts it. Default: none, they wait with
    /// their callers.
    pub folder: Option<PathBuf>,
    /// The most that waits. Default: 64 MiB.
    pub max_bytes: ByteSize,
}

impl Spool {
    fn read(section: &mut Section<'_, '_>) -> Self {
        let most = ByteSize::kib(4)..=ByteSize::mib(1 << 20);
        Self {
            folder: section.get("folder", word).map(PathBuf::from),
            max_bytes: section.or("max_bytes", ByteSize::mib(64), size(most)),
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            database_url: Secret::Unset,
            reservation_ttl: Duration::from_mins(10),
            reaper_interval: Duration::from_secs(5),
            max_connections: 8,
            statement_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            spool: Spool {
                folder: None,
                max_bytes: ByteSize::mib(64),
            },
            history: History::default(),
            leases: Leases::default(),
            durability: Durability::default(),
        }
    }
}

impl Ledger {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        const MINUTE: Duration = Duration::from_mins(1);
        const DAY: Duration = Duration::from_hours(24);
        let default = Self::default();
        let keys = Keys {
            value: "database_url",
            env: "database_url_env",
            file: "database_url_file",
        };
        let moment = || duration(Duration::from_millis(1)..=10 * MINUTE);
        Self {
            database_url: secret::read(section, keys, without_password),
            reservation_ttl: section.or(
                "reservation_ttl",
                default.reservation_ttl,
                duration(Duration::from_secs(1)..=DAY),
            ),
            reaper_interval: section.or("reaper_interval", default.reaper_interval, moment()),
            max_connections: section.or(
                "max_connections",
                default.max_connections,
                count(2..=1000),
            ),
            statement_timeout: section.or("statement_timeout", default.statement_timeout, moment()),
            connect_timeout: section.or("connect_timeout", default.connect_timeout, moment()),
            spool: section.section("spool", Spool::read),
            history: section.section("history", History::read),
            leases: section.section("leases", Leases::read),
            durability: section.or("durability", default.durability, choice(DURABILITY)),
        }
    }
}

/// A database URL may stand in the file as long as it has no password.
fn without_password(text: &str) -> Result<(), String> {
    let url = Url::parse(text)
        .map_err(|_| "has to be a URL as `postgres://user@host/terrace`".to_owned())?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("has to begin with `postgres://`".to_owned());
    }
    let in_query = url
        .query_pairs()
        .any(|(key, _)| key.eq_ignore_ascii_case("password"));
    if url.password().is_some() || in_query {
        return Err(
            "holds a password: use `database_url_env` or `database_url_file` instead".to_owned(),
        );
    }
    Ok(())
}
