use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A ledger that knows `good`, `reader` and `slow`, and is away for `away`.
#[derive(Debug, Default)]
struct Keys {
    asked: AtomicUsize,
    revoked: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Authenticate for Keys {
    async fn authenticate(&self, secret: &str) -> Result<Key, Failure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let scopes: &[&str] = match secret {
            "good" if !self.revoked.load(Ordering::Relaxed) => &["route", "manage"],
            "reader" | "slow" => &["route"],
            "away" => return Err(Failure::new(Reason::LedgerUnavailable, "away")),
            "none" => return Err(Failure::new(Reason::InvalidRequest, "there are no keys")),
            _ => return Err(refusal("no valid key came with the call")),
        };
        Ok(Key {
            key_id: format!("id-{secret}"),
            project: ProjectName::new("search").unwrap(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            requests_per_minute: if secret == "slow" { 2 } else { 0 },
        })
    }
}

fn door(required: bool) -> (Door, Arc<Keys>) {
    let keys = Arc::new(Keys::default());
    let settings = DoorSettings {
        required,
        cache_ttl: Duration::from_millis(50),
    };
    (Door::new(settings, Arc::clone(&keys) as _), keys)
}

fn bearing(secret: &str) -> HeaderMap {
    let value = format!("Bearer {secret}").parse().unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

async fn reason(door: &Door, headers: &HeaderMap, scope: Scope) -> Reason {
    door.admit(headers, scope).await.unwrap_err().reason
}

#[tokio::test]
async fn a_key_says_who_pays_and_none_is_refused_where_one_is_needed() {
    let (closed, _) = door(true);
    let caller = closed
        .admit(&bearing("good"), Scope::Route)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (caller.project.as_str(), caller.key_id.as_str()),
        ("search", "id-good")
    );
    let nothing = HeaderMap::new();
    assert_eq!(
        reason(&closed, &nothing, Scope::Route).await,
        Reason::Unauthenticated
    );
    let basic = HeaderMap::from_iter([(AUTHORIZATION, "Basic abc".parse().unwrap())]);
    assert_eq!(
        reason(&closed, &basic, Scope::Route).await,
        Reason::Unauthenticated
    );
    assert_eq!(
        reason(&closed, &bearing("none"), Scope::Route).await,
        Reason::InvalidRequest
    );

    let (open, _) = door(false);
    assert_eq!(open.admit(&nothing, Scope::Manage).await, Ok(None));
    assert_eq!(open.admit(&bearing("none"), Scope::Route).await, Ok(None));
    assert_eq!(
        reason(&open, &bearing("bad"), Scope::Route).await,
        Reason::Unauthenticated
    );
}

#[tokio::test]
async fn a_key_without_the_scope_is_denied() {
    let (door, _) = door(true);
    assert!(door.admit(&bearing("reader"), Scope::Route).await.is_ok());
    assert_eq!(
        reason(&door, &bearing("reader"), Scope::Manage).await,
        Reason::PermissionDenied
    );
}

#[tokio::test]
async fn what_the_ledger_said_is_kept_for_a_moment_and_no_longer() {
    let (door, keys) = door(true);
    for _ in 0..5 {
        assert!(door.admit(&bearing("good"), Scope::Route).await.is_ok());
        assert_eq!(
            reason(&door, &bearing("bad"), Scope::Route).await,
            Reason::Unauthenticated
        );
    }
    assert_eq!(keys.asked.load(Ordering::Relaxed), 2);
    keys.revoked.store(true, Ordering::Relaxed);
    let refused = async {
        while door.admit(&bearing("good"), Scope::Route).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_is_asked_again() {
    let (door, keys) = door(true);
    for _ in 0..2 {
        assert_eq!(
            reason(&door, &bearing("away"), Scope::Route).await,
            Reason::LedgerUnavailable
        );
    }
    assert_eq!(keys.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_calls_too_often_is_told_when_to_come_back() {
    let (door, _) = door(true);
    for _ in 0..2 {
        assert!(door.admit(&bearing("slow"), Scope::Route).await.is_ok());
    }
    let refused = door
        .admit(&bearing("slow"), Scope::Route)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Overloaded);
    let wait = refused.retry_after.unwrap();
    assert!(wait <= Duration::from_secs(30), "{wait:?}");
    tokio::time::advance(wait).await;
    assert!(door.admit(&bearing("slow"), Scope::Route).await.is_ok());
}
