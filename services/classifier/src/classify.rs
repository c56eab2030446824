//! The use case: override, then marker, then scorer.
//!
//! The first that has something to say decides the tier. The difficulty is scored in every case,
//! because later stages want it too. Nothing here waits, remembers or can fail; what one's own traffic
//! taught is handed in.

use terrace_domain::{Score, TierName};
use terrace_learned::{Online, Weights};

use crate::evidence::Evidence;
use crate::features;
use crate::language::canonical;
use crate::learning;
use crate::markers::{Markers, Meaning};
use crate::overrides::Overrides;
use crate::request::Request;
use crate::residual::{self, Outlook, Own};
use crate::scorer;
use crate::task::{self, TaskKind};

/// What a request is and how hard it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Kind of task.
    pub task: TaskKind,
    /// How hard it is.
    pub difficulty: Score,
    /// How sure the difficulty is.
    pub confidence: Score,
    /// Language of the code in question.
    pub code_language: Option<String>,
    /// Output tokens to expect, roughly.
    pub expected_output_tokens: u32,
    /// What decided where to start.
    pub source: Source,
    /// What outcomes say of it.
    pub outlook: Outlook,
    /// Why the difficulty is what it is, strongest first.
    pub evidence: Vec<Evidence>,
}

/// What of a request is learned from, and measured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The question's words, hashed.
    pub text: terrace_learned::Features,
    /// Log-odds of the hand-made difficulty.
    pub prior: f64,
    /// Kind of task.
    pub task: TaskKind,
}

/// Reads a request as [`Classifier::classify`] does, and asks nothing that was learned.
#[must_use]
pub fn read(request: &Request) -> Reading {
    let features = features::read(request, request.last_words());
    let (task, _) = task::kind_of(&features);
    Reading {
        prior: scorer::prior(&features, task).logit,
        text: features.text,
        task,
    }
}

/// What decided where a request starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Its action stands in `action_tier_overrides`.
    ActionOverride(TierName),
    /// The prompt begins with a marker.
    Marker(TierName),
    /// Nothing but its difficulty.
    Scorer,
}

/// Classifies requests by the configured rules, the hand-made scorer and learned weights.
#[derive(Debug, Clone)]
pub struct Classifier {
    overrides: Overrides,
    markers: Markers,
    weights: Weights,
}

impl Classifier {
    /// Takes the configured rules, and weights.
    #[must_use]
    pub const fn new(overrides: Overrides, markers: Markers, weights: Weights) -> Self {
        Self {
            overrides,
            markers,
            weights,
        }
    }

    /// Classifies one request by what was shipped.
    #[must_use]
    pub fn classify(&self, request: &Request) -> Classification {
        self.classify_with(request, None)
    }

    /// Classifies one request, also by what one's own traffic taught.
    #[must_use]
    pub fn classify_with(&self, request: &Request, online: Option<&Online>) -> Classification {
        let question = request.last_words();
        let marker = self.markers.find(question);
        let features = features::read(request, question);
        let (read, margin) = task::kind_of(&features);
        let orchestrates = marker.is_some_and(|found| found.meaning() == Meaning::Orchestration);
        let (task, margin) = if orchestrates {
            (TaskKind::Orchestration, 1.0)
        } else {
            (read, margin)
        };
        let prior = scorer::prior(&features, task);
        let action = request.action.as_ref();
        let label = || learning::label(request.project.as_ref(), action);
        let own = Own {
            action,
            online: online.map(|online| (online, label())),
        };
        let (learned, outlook) = residual::ask(&self.weights, &features, prior.logit, own);
        let scored = scorer::score(prior, learned, margin, features.cut);
        let source = match (self.overrides.tier(action), marker) {
            (Some(tier), _) => Source::ActionOverride(tier.clone()),
            (None, Some(marker)) => Source::Marker(marker.tier().clone()),
            (None, None) => Source::Scorer,
        };
        Classification {
            expected_output_tokens: task::expected_output_tokens(
                task,
                &features,
                scored.difficulty.get(),
            ),
            code_language: code_language(request, &features, task),
            task,
            difficulty: scored.difficulty,
            confidence: scored.confidence,
            source,
            outlook,
            evidence: scored.evidence,
        }
    }
}

/// The declared language, else the one that was seen, if there is code in question at all.
fn code_language(
    request: &Request,
    features: &features::Features,
    task: TaskKind,
) -> Option<String> {
    if let Some(declared) = &request.code_language {
        // A language that nobody here knows is still what the caller says it is.
        return Some(canonical(declared).map_or_else(|| declared.to_lowercase(), str::to_owned));
    }
    let code_at_hand = features.shape.code_lines > 0 || features.shape.fences > 0;
    let in_question = task == TaskKind::Code || code_at_hand;
    features.language.filter(|_| in_question).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Speaker, Turn};
    use std::collections::BTreeMap;
    use terrace_domain::ActionName;

    fn classifier() -> Classifier {
        let tier = |name: &str| TierName::new(name).unwrap();
        let action = ActionName::new("edit_file").unwrap();
        Classifier::new(
            Overrides::new(BTreeMap::from([(action, tier("local_quality"))])),
            Markers::new([
                ("ORCHESTRATE:".to_owned(), tier("api_fallback")),
                ("QUICK:".to_owned(), tier("local_fast")),
            ]),
            residual::built_in(),
        )
    }

    fn request(text: &str, action: &str) -> Request {
        Request {
            turns: vec![Turn::new(Speaker::User, text)],
            action: ActionName::new(action).ok(),
            ..Request::default()
        }
    }

    #[test]
    fn an_override_comes_before_a_marker_and_the_difficulty_is_scored_all_the_same() {
        let classifier = classifier();
        let text = "ORCHESTRATE: rename a variable";
        let both = classifier.classify(&request(text, "edit_file"));
        let tier = TierName::new("local_quality").unwrap();
        assert_eq!(both.source, Source::ActionOverride(tier));
        assert!(both.difficulty.get() > 0.0 && !both.evidence.is_empty());
    }

    #[test]
    fn the_orchestration_marker_decides_the_task_and_another_marker_does_not() {
        let classifier = classifier();
        let marked = classifier.classify(&request("ORCHESTRATE: say hi", ""));
        assert_eq!(marked.task, TaskKind::Orchestration);
        let tier = TierName::new("api_fallback").unwrap();
        assert_eq!(marked.source, Source::Marker(tier));
        let quick = classifier.classify(&request("QUICK: classify this mail as spam or not", ""));
        assert_eq!(quick.task, TaskKind::Classification);
    }

    #[test]
    fn a_language_is_named_only_when_code_is_in_question() {
        let classifier = classifier();
        let language = |text: &str| classifier.classify(&request(text, "")).code_language;
        assert_eq!(
            language("Write a Python function that adds").as_deref(),
            Some("python")
        );
        assert_eq!(language("Who was it that wrote Monty Python films?"), None);
        let mut declared = request("anything", "");
        declared.code_language = Some("COBOL".into());
        let found = classifier.classify(&declared).code_language;
        assert_eq!(found.as_deref(), Some("cobol"));
    }

    #[test]
    fn the_same_request_is_always_classified_alike() {
        let classifier = classifier();
        let request = request("Compare two designs of a queue, step by step", "");
        assert_eq!(classifier.classify(&request), classifier.classify(&request));
    }
}
