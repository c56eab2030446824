//! Answers that are kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use terrace_domain::{ProjectName, RequestId};
use tokio::time::Instant;

use super::Evicted;
use super::key::Key;
use crate::request::Request;
use crate::route::Answered;

/// What an entry costs beside its texts.
const ENTRY_BYTES: usize = 2048;
/// What a log-probability costs beside its token.
const LOGPROB_BYTES: usize = 64;

/// An answer that is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) answered: Arc<Answered>,
    /// What the request that made it looked like, if it is kept under that request's id.
    pub(super) body: Option<Key>,
    project: ProjectName,
    action: String,
    since: Instant,
    ttl: Duration,
}

impl Kept {
    pub(super) fn new(request: &Request, body: Option<Key>, answered: &Arc<Answered>) -> Self {
        Self {
            answered: Arc::clone(answered),
            body,
            project: request.project.clone(),
            action: request.action().to_owned(),
            since: Instant::now(),
            ttl: request.policy.cache.ttl,
        }
    }

    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    fn id(&self) -> RequestId {
        self.answered.id
    }

    fn bytes(&self) -> u32 {
        let answers = self.answered.attempts.iter();
        let answers = answers.filter_map(|attempt| attempt.answer.as_ref());
        let bytes = answers.map(|answer| {
            let calls = answer.tool_calls.iter();
            let calls: usize = calls.map(|call| call.arguments_json.len()).sum();
            answer.text.len() + calls + answer.logprobs.len() * LOGPROB_BYTES
        });
        let bytes = bytes.sum::<usize>() + ENTRY_BYTES * (1 + self.answered.attempts.len());
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Answers in memory, the least used thrown out when there are too many.
#[derive(Debug)]
pub(super) struct Shelf(Cache<Key, Arc<Kept>>);

impl Shelf {
    pub(super) fn new(max_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, kept: &Arc<Kept>| kept.bytes())
            .build();
        Self(cache)
    }

    pub(super) fn get(&self, key: Key) -> Option<Arc<Kept>> {
        let kept = self.0.get(&key)?;
        if kept.age() < kept.ttl {
            return Some(kept);
        }
        self.0.invalidate(&key);
        None
    }

    pub(super) fn put(&self, key: Key, kept: Kept) {
        if !kept.ttl.is_zero() {
            self.0.insert(key, Arc::new(kept));
        }
    }

    pub(super) fn evict(&self, project: &ProjectName, evicted: &Evicted) -> u64 {
        let is_meant = |kept: &Kept| match evicted {
            Evicted::Of(id) => kept.id() == *id,
            Evicted::For(action) => kept.action == action.as_str(),
        };
        let meant = self.0.iter().filter(|(_, kept)| {
            let is_alive = kept.age() < kept.ttl;
            is_alive && &kept.project == project && is_meant(kept)
        });
        // One answer may be kept under its question and under its id.
        let mut answers = HashSet::new();
        for (key, kept) in meant {
            self.0.invalidate(&*key);
            answers.insert(kept.id());
        }
        answers.len() as u64
    }
}
