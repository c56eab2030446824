//! Answers that several orchestrators keep together, in Valkey or Redis.
//!
//! An answer is a value with an expiry; the server's clock says how much of that is left, so that
//! orchestrators whose clocks differ agree on an answer's age. Beside it stand two indexes, by the
//! request that made it and by its action, which are what an eviction goes by: sorted sets of keys
//! with their expiries, so that what has gone by itself can be dropped from them.
//!
//! ```text
//! PREFIX:v1:PROJECT:answer:KEY         the answer
//! PREFIX:v1:PROJECT:request:ID         keys of what this request made
//! PREFIX:v1:PROJECT:action:NAME        keys of what was made for this action
//! ```

mod connection;
mod entries;
mod guard;
mod record;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redis::{Client, Pipeline, RedisResult};
use secrecy::ExposeSecret as _;
use terrace_config::Secret;
use terrace_domain::{Failure, ProjectName};

use crate::answers::{Evicted, Kept, Key, Store};
use crate::metrics::StoreCall;
use connection::Connection;
use entries::Entries;
use guard::Guard;
use record::Record;

/// Reads `bytes` as an answer that a cache has kept.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_kept(bytes: &[u8], project: &ProjectName) {
    let record = Record::from_bytes(bytes);
    drop(record.and_then(|record| record.into_kept(project, Duration::ZERO)));
}

/// Where the answers are kept.
#[derive(Debug, Clone)]
pub struct ValkeySettings {
    /// Its URL.
    pub url: Secret,
    /// What every key begins with.
    pub prefix: String,
    /// How long one call may take.
    pub timeout: Duration,
}

/// Why the store cannot be used at all. The texts are for the operator and hold no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStore {
    /// The config names a place for the URL where there is none.
    #[error("routing.cache_store.url: {0} holds no URL")]
    Missing(String),
    /// The URL cannot be read. It is not shown: it may hold a password.
    #[error("routing.cache_store.url is no URL of Valkey or Redis, as redis://host:6379/0")]
    Wrong,
}

/// Keeps answers in Valkey.
#[derive(Debug)]
pub struct Valkey {
    connection: Connection,
    entries: Entries,
    guard: Guard,
}

impl Valkey {
    /// Reads where the store is and connects when it is first used; `None` when the config asks
    /// for none.
    ///
    /// # Errors
    /// See [`InvalidStore`].
    pub fn from_settings(settings: &ValkeySettings) -> Result<Option<Self>, InvalidStore> {
        if let Some(source) = settings.url.missing() {
            return Err(InvalidStore::Missing(source.to_owned()));
        }
        let Some(url) = settings.url.value() else {
            return Ok(None);
        };
        let client = Client::open(url.expose_secret()).map_err(|_| InvalidStore::Wrong)?;
        let place = client.get_connection_info().addr().to_string();
        let connection = Connection::new(client, settings.timeout);
        let connection = connection.map_err(|_| InvalidStore::Wrong)?;
        Ok(Some(Self {
            connection,
            entries: Entries::new(&settings.prefix),
            guard: Guard::new(place),
        }))
    }

    /// The bytes under a key and how long they are still kept.
    async fn read(&self, entry: &str) -> RedisResult<Option<(Vec<u8>, Duration)>> {
        let mut both = Pipeline::with_capacity(2);
        both.cmd("GET").arg(entry).cmd("PTTL").arg(entry);
        let (bytes, left): (Option<Vec<u8>>, i64) = self.connection.query(&both).await?;
        // Less than nothing: it went between the two, or has no expiry and is none of ours.
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok(bytes.zip(left))
    }

    async fn write(&self, entry: &str, kept: &Kept) -> RedisResult<()> {
        let ttl = millis(kept.ttl);
        let now = now_ms();
        let bytes = Record::of(kept).into_bytes();
        let mut all = Pipeline::with_capacity(12);
        all.atomic();
        all.cmd("SET").arg(entry).arg(bytes).arg("PX").arg(ttl);
        let member = self.entries.member(kept, entry);
        for index in self.entries.indexes(kept) {
            all.cmd("ZREMRANGEBYSCORE").arg(&index);
            all.arg("-inf").arg(now.saturating_sub(CLOCKS_DIFFER_MS));
            all.cmd("ZADD").arg(&index).arg(now + ttl).arg(&member);
            // An index lives as long as the last of its answers.
            all.cmd("PEXPIRE").arg(&index).arg(ttl).arg("NX");
            all.cmd("PEXPIRE").arg(&index).arg(ttl).arg("GT");
        }
        let _replies: redis::Value = self.connection.query(&all).await?;
        Ok(())
    }

    async fn throw_out(&self, project: &ProjectName, evicted: &Evicted) -> RedisResult<u64> {
        let index = self.entries.index(project, evicted);
        let mut members = Pipeline::with_capacity(1);
        members.cmd("ZRANGE").arg(&index).arg(0).arg(-1);
        let (members,): (Vec<String>,) = self.connection.query(&members).await?;
        let members: Vec<_> = members
            .iter()
            .filter_map(|one| one.split_once(' '))
            .collect();
        let mut unlink = Pipeline::with_capacity(members.len() + 1);
        for (_, entry) in &members {
            unlink.cmd("UNLINK").arg(*entry);
        }
        unlink.cmd("UNLINK").arg(&index);
        let gone: Vec<u64> = self.connection.query(&unlink).await?;
        // One answer may be kept under its question and under the ids of several requests.
        let mut answers: Vec<_> = members
            .iter()
            .zip(gone)
            .filter(|(_, gone)| *gone > 0)
            .map(|((made_by, _), _)| *made_by)
            .collect();
        answers.sort_unstable();
        answers.dedup();
        Ok(answers.len() as u64)
    }
}

#[async_trait]
impl Store for Valkey {
    async fn get(&self, project: &ProjectName, key: Key) -> Option<Kept> {
        let entry = self.entries.answer(project, key);
        let found = self.guard.call(StoreCall::Get, self.read(&entry)).await;
        let (bytes, left) = found.ok().flatten()?;
        let read = Record::from_bytes(&bytes).and_then(|record| record.into_kept(project, left));
        if read.is_none() {
            self.guard.unreadable();
        }
        read
    }

    async fn put(&self, key: Key, kept: Kept) {
        let entry = self.entries.answer(&kept.project, key);
        let written = self.guard.call(StoreCall::Put, self.write(&entry, &kept));
        // What cannot be written is not kept; the guard has told of it.
        drop(written.await);
    }

    async fn evict(&self, project: &ProjectName, evicted: &Evicted) -> Result<u64, Failure> {
        let work = self.throw_out(project, evicted);
        self.guard.call(StoreCall::Evict, work).await
    }
}

/// By how much the clocks of two orchestrators may differ before an eviction misses an answer.
const CLOCKS_DIFFER_MS: u64 = 3_600_000;

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    millis(since_1970.unwrap_or_default())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
