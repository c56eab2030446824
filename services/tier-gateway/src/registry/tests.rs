//! The registry with a backend whose list is made up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use terrace_config::{BackendKind, Model, Secret};

use super::*;
use crate::call::Call;
use crate::config::for_testing::settings;
use crate::endpoints::Endpoints;
use crate::provider::{Abilities, Chunks};

type Listing = Result<Option<Vec<Found>>, Fault>;

/// Answers each question for its list with the next of these.
struct Lists {
    answers: Vec<Listing>,
    asked: AtomicUsize,
}

#[async_trait]
impl Provider for Lists {
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    async fn generate(&self, _: &Call, _: &Model) -> Result<Chunks, Fault> {
        Err(Fault::Unreachable)
    }

    async fn list_models(&self, _: &[ModelName]) -> Listing {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers[turn.min(self.answers.len() - 1)].clone()
    }
}

fn lists(answers: Vec<Listing>) -> Arc<Lists> {
    let asked = AtomicUsize::new(0);
    Arc::new(Lists { answers, asked })
}

fn has(names: &[&str]) -> Listing {
    Ok(Some(names.iter().copied().map(Found::named).collect()))
}

fn registry(models: &[&str], key: Secret) -> Registry {
    let mut settings = settings(BackendKind::Ollama, models);
    settings.backend.api_key = key;
    let blame = Blame {
        backend: settings.backend.name.clone(),
        kind: BackendKind::Ollama,
        url: "http://127.0.0.1:9".into(),
    };
    let keys = Arc::new(Keyring::new(&settings.backend));
    Registry::new(&settings, &keys, Abilities::default(), blame)
}

fn obstacles(registry: &Registry) -> Vec<Option<String>> {
    let listed = registry.list().into_iter();
    listed.map(|model| model.unavailable).collect()
}

#[tokio::test]
async fn only_what_the_backend_has_is_available_and_the_rest_says_how_to_get_it() {
    let registry = registry(&["a", "b"], Secret::Unset);
    let endpoints = Endpoints::of(lists(vec![has(&["a:latest", "c"])]));
    assert_eq!(obstacles(&registry), [None, None], "nothing is known yet");
    registry.look(&endpoints).await;
    let missing = "model `b` not found on backend `test`: run `ollama pull b`".to_owned();
    assert_eq!(obstacles(&registry), [None, Some(missing)]);
}

#[tokio::test]
async fn a_dead_backend_makes_all_of_its_models_unavailable_until_it_is_back() {
    let registry = registry(&["a"], Secret::Unset);
    let endpoints = Endpoints::of(lists(vec![Err(Fault::Unreachable), has(&["a"])]));
    assert!(!registry.look(&endpoints).await);
    let obstacle = obstacles(&registry).remove(0).unwrap();
    assert!(obstacle.contains("is it running?"), "{obstacle}");
    assert!(registry.look(&endpoints).await);
    assert_eq!(obstacles(&registry), [None]);
}

#[tokio::test]
async fn a_missing_key_is_named_and_the_backend_is_not_asked() {
    let source = "the variable OPENAI_API_KEY".to_owned();
    let registry = registry(&["a"], Secret::Missing { source });
    let lists = lists(vec![has(&["a"])]);
    let endpoints = Endpoints::of(lists.clone());
    registry.look(&endpoints).await;
    assert_eq!(lists.asked.load(Ordering::SeqCst), 0);
    let obstacle = obstacles(&registry).remove(0).unwrap();
    assert!(
        obstacle.ends_with("set the variable OPENAI_API_KEY"),
        "{obstacle}"
    );
    let name = ModelName::new("a").unwrap();
    assert!(matches!(
        registry.callable(&name),
        Err(Fault::KeyMissing { .. })
    ));
}

#[test]
fn a_model_that_is_not_configured_is_not_callable() {
    let registry = registry(&["a", "b"], Secret::Unset);
    let name = ModelName::new("c").unwrap();
    let Err(Fault::ModelNotFound { present }) = registry.callable(&name) else {
        panic!("c is callable");
    };
    assert_eq!(present, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_picture_is_renewed_in_time_and_sooner_after_a_failure() {
    let registry = registry(&["a"], Secret::Unset);
    let lists = lists(vec![has(&["a"]), Err(Fault::Unreachable), has(&["a"])]);
    let pace = Pace {
        every: Duration::from_secs(15),
        soon: Duration::from_secs(2),
    };
    let asked = |after: u64| {
        let (registry, lists) = (&registry, &lists);
        async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let _ = registry;
            lists.asked.load(Ordering::SeqCst)
        }
    };
    let keep_fresh = registry.keep_fresh(Arc::new(Endpoints::of(lists.clone())), pace, true);
    let watch = async {
        assert_eq!(asked(14_900).await, 0);
        assert_eq!(asked(200).await, 1, "after 15 s");
        registry.note(&Fault::Unreachable);
        assert_eq!(asked(300).await, 2, "at once after a failure");
        assert_eq!(asked(2_000).await, 3, "soon while it is down");
        assert_eq!(obstacles(&registry), [None]);
    };
    tokio::select! {
        () = keep_fresh => panic!("it never ends"),
        () = watch => {}
    }
}
