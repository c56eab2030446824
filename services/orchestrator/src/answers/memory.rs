//! Answers in this orchestrator's memory, the longest unused thrown out when there are too many.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use prost::Message as _;
use terrace_domain::{Failure, ProjectName};

use super::key::Key;
use super::reply::Made;
use super::store::{Evicted, Kept, Store};
use crate::route::Answered;

/// What an entry costs beside its texts.
const ENTRY_BYTES: usize = 2048;
/// What a log-probability costs beside its token.
const LOGPROB_BYTES: usize = 64;

/// Answers in memory.
#[derive(Debug)]
pub struct Memory(Cache<Key, Arc<Kept>>);

impl Memory {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, kept: &Arc<Kept>| bytes(kept))
            // By use, not by how often: an answer that is kept for a request sent again is used
            // once at most.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(cache)
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, _project: &ProjectName, key: Key) -> Option<Kept> {
        let kept = self.0.get(&key)?;
        if kept.is_fresh() {
            return Some(Kept::clone(&kept));
        }
        self.0.invalidate(&key);
        None
    }

    async fn put(&self, key: Key, kept: Kept) {
        self.0.insert(key, Arc::new(kept));
    }

    async fn evict(&self, project: &ProjectName, evicted: &Evicted) -> Result<u64, Failure> {
        let is_meant = |kept: &Kept| match evicted {
            Evicted::Of(id) => kept.made.id() == *id,
            Evicted::For(action) => kept.action == action.as_str(),
        };
        let meant = self
            .0
            .iter()
            .filter(|(_, kept)| kept.is_fresh() && &kept.project == project && is_meant(kept));
        // One answer may be kept under its question and under the ids of several requests.
        let mut answers = HashSet::new();
        for (key, kept) in meant {
            self.0.invalidate(&*key);
            answers.insert(kept.made.id());
        }
        Ok(answers.len() as u64)
    }
}

/// About how much memory an answer takes.
fn bytes(kept: &Kept) -> u32 {
    let bytes = match &kept.made {
        Made::Here(answered) => answered_bytes(answered),
        Made::Told(told) => ENTRY_BYTES + told.response.encoded_len(),
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn answered_bytes(answered: &Answered) -> usize {
    let answers = answered.attempts.iter();
    let answers = answers.filter_map(|attempt| attempt.answer.as_ref());
    let bytes = answers.map(|answer| {
        let calls = answer.tool_calls.iter();
        let calls: usize = calls.map(|call| call.arguments_json.len()).sum();
        answer.text.len() + calls + answer.logprobs.len() * LOGPROB_BYTES
    });
    bytes.sum::<usize>() + ENTRY_BYTES * (1 + answered.attempts.len())
}
