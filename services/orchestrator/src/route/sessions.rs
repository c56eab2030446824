//! Where sessions are at home: the model that served each of them well last.
//!
//! Kept in the memory of this orchestrator alone, bounded in number, each for a while after its
//! last good answer. A session that is not known is served like any other request.

use std::time::Duration;

use moka::sync::Cache;
use terrace_domain::{BackendName, ModelName, ProjectName, TierName};
use tokio::time::Instant;

use crate::request::Request;
use crate::route::plan::Candidate;

/// How sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long after its last good answer a session is at home somewhere.
    pub ttl: Duration,
    /// How many, at most; those that were not used for the longest time go first.
    pub most: u64,
}

/// The model that served a session well last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its tier.
    pub tier: TierName,
    /// Its backend.
    pub backend: BackendName,
    /// The model.
    pub model: ModelName,
}

/// A session is its project's own.
type Key = (ProjectName, String);

/// The homes of all sessions.
#[derive(Debug)]
pub struct Sessions {
    homes: Cache<Key, (Instant, Home)>,
    ttl: Duration,
}

impl Sessions {
    /// Knows no session yet.
    #[must_use]
    pub fn new(settings: SessionSettings) -> Self {
        Self {
            homes: Cache::new(settings.most),
            ttl: settings.ttl,
        }
    }

    /// Where the request's session is at home.
    #[must_use]
    pub fn home(&self, request: &Request) -> Option<Home> {
        let (since, home) = self.homes.get(&key(request)?)?;
        (since.elapsed() < self.ttl).then_some(home)
    }

    /// Notes that `candidate` served the request's session well.
    pub fn served(&self, request: &Request, candidate: &Candidate) {
        if let Some(key) = key(request) {
            let home = Home {
                tier: candidate.tier.clone(),
                backend: candidate.backend.clone(),
                model: candidate.model.clone(),
            };
            self.homes.insert(key, (Instant::now(), home));
        }
    }
}

fn key(request: &Request) -> Option<Key> {
    let session = request.session.clone()?;
    Some((request.project.clone(), session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{candidate, request};

    const SETTINGS: SessionSettings = SessionSettings {
        ttl: Duration::from_secs(60),
        most: 100,
    };

    fn of(session: &str) -> Request {
        Request {
            session: Some(session.to_owned()),
            ..request()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_at_home_where_it_was_served_last() {
        let sessions = Sessions::new(SETTINGS);
        assert_eq!(sessions.home(&of("a")), None);
        sessions.served(&of("a"), &candidate("local_fast", "small"));
        sessions.served(&of("a"), &candidate("local_quality", "middle"));
        let home = sessions.home(&of("a")).unwrap();
        assert_eq!(home.model.as_str(), "middle");
        assert_eq!(sessions.home(&of("b")), None);
        assert_eq!(sessions.home(&request()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_of_another_project_is_another_session() {
        let sessions = Sessions::new(SETTINGS);
        sessions.served(&of("a"), &candidate("local_fast", "small"));
        let mut theirs = of("a");
        theirs.project = ProjectName::new("other").unwrap();
        assert_eq!(sessions.home(&theirs), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_forgotten_some_time_after_its_last_good_answer() {
        let sessions = Sessions::new(SETTINGS);
        let small = candidate("local_fast", "small");
        sessions.served(&of("a"), &small);
        tokio::time::advance(Duration::from_secs(40)).await;
        sessions.served(&of("a"), &small);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert!(sessions.home(&of("a")).is_some());
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(sessions.home(&of("a")).is_none());
    }
}
