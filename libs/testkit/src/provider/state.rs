//! What all handlers of a scripted provider share: its script, whose turn it is, its notes.
//!
//! One lock, held for as long as it takes to pick a reply.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use serde_json::Value;
use tokio::time::Instant;

use super::record::{Open, Record, Seen};
use super::script::{Reply, Script, UnknownModel};

/// Shared by all handlers of one provider.
#[derive(Debug)]
pub(crate) struct Shared {
    acting: Mutex<Acting>,
    record: Arc<Record>,
}

/// A script, and how often each of its rules has spoken.
#[derive(Debug)]
struct Acting {
    script: Script,
    turns: HashMap<usize, usize>,
}

impl Shared {
    pub(crate) fn new(script: Script, record: Arc<Record>) -> Self {
        let turns = HashMap::new();
        Self {
            acting: Mutex::new(Acting { script, turns }),
            record,
        }
    }

    fn acting(&self) -> MutexGuard<'_, Acting> {
        self.acting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_script(&self, script: Script) {
        let turns = HashMap::new();
        *self.acting() = Acting { script, turns };
    }

    pub(crate) fn models(&self) -> Vec<String> {
        self.acting().script.models.clone()
    }

    pub(crate) fn has(&self, model: &str) -> bool {
        self.acting().script.models.iter().any(|own| own == model)
    }

    /// Has one more model from now on.
    pub(crate) fn add_model(&self, name: &str) {
        if !self.has(name) {
            self.acting().script.models.push(name.to_owned());
        }
    }

    pub(crate) fn context_window(&self) -> Option<u32> {
        self.acting().script.context_window
    }

    pub(crate) fn is_healthy(&self) -> bool {
        !self.acting().script.unhealthy
    }

    pub(crate) fn unknown_model(&self) -> UnknownModel {
        self.acting().script.unknown_model
    }

    /// Whether the call brings the key, if one is demanded.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(key) = self.acting().script.api_key.clone() else {
            return true;
        };
        let brings = |name: &str, expected: &str| {
            let value = headers.get(name);
            value.is_some_and(|value| value.as_bytes() == expected.as_bytes())
        };
        brings(header::AUTHORIZATION.as_str(), &format!("Bearer {key}"))
            || brings("x-api-key", &key)
    }

    /// Notes the call and picks its reply.
    pub(crate) fn take(&self, arrival: Arrival) -> (Reply, Open) {
        let reply = self
            .acting()
            .reply(&arrival.seen.model, &arrival.seen.prompt);
        (reply, self.record.open(arrival.seen))
    }
}

impl Acting {
    fn reply(&mut self, model: &str, prompt: &str) -> Reply {
        let rules = self.script.rules.iter().enumerate();
        let matching = rules
            .filter(|(_, rule)| !rule.replies.is_empty())
            .find(|(_, rule)| rule.matches(model, prompt));
        let mut reply = match matching {
            None => self.script.fallback.clone(),
            Some((index, rule)) => {
                let turn = self.turns.entry(index).or_insert(0);
                let last = rule.replies.len() - 1;
                let reply = rule.replies[(*turn).min(last)].clone();
                *turn += 1;
                reply
            }
        };
        if let Some(label) = &self.script.label {
            let mut pieces = reply.split();
            pieces.insert(0, format!("{label} "));
            reply.text = pieces.concat();
            reply.pieces = Some(pieces);
        }
        reply
    }
}

/// A call that has been read.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) seen: Seen,
}

impl Arrival {
    /// Reads a chat request of either wire; `None` if it is none.
    pub(crate) fn read(path: &str, headers: HeaderMap, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let model = body["model"].as_str()?.to_owned();
        let messages = body["messages"].as_array()?;
        let prompt = messages
            .iter()
            .filter_map(|message| text(&message["content"]));
        let prompt = prompt.collect::<Vec<_>>().join("\n");
        let seen = Seen {
            path: path.to_owned(),
            model,
            prompt,
            headers,
            at: Instant::now(),
            hung_up: false,
            body,
        };
        Some(Self { seen })
    }
}

/// The text of a message: a string, or the text parts of a list.
fn text(content: &Value) -> Option<String> {
    if let Some(parts) = content.as_array() {
        let texts = parts.iter().filter_map(|part| part["text"].as_str());
        return Some(texts.collect::<Vec<_>>().join("\n"));
    }
    content.as_str().map(str::to_owned)
}
