//! What a request was taken for.

use std::sync::Arc;

use terrace_domain::{ModelName, Score, TierName};

/// Kinds of task that differ in which models do them well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// Nothing could be said.
    Unknown,
    /// Conversation and open questions.
    Chat,
    /// Choosing a label.
    Classification,
    /// Taking facts out of a text.
    Extraction,
    /// Making a text shorter or other.
    Rewriting,
    /// Writing or changing code.
    Code,
    /// Calculation and word problems.
    Math,
    /// Several steps of thought.
    Reasoning,
    /// Planning and directing the work of others.
    Orchestration,
}

/// What decided a classification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The action stands in `action_tier_overrides`.
    ActionOverride,
    /// The prompt begins with a marker.
    Marker,
    /// The scorer.
    Scorer,
    /// The classifier could not be asked.
    Unavailable,
}

/// One finding that moved the difficulty.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Name of the feature.
    pub feature: String,
    /// By how much it moved the difficulty.
    pub weight: f64,
    /// What was seen, in words.
    pub detail: String,
}

/// What the classifier has learned from outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learned {
    /// The chance, 0 to 1, that the lower tier's answer is as good as the next one's.
    pub lower_tier_suffices: f64,
    /// How much quality the next tier is expected to add, -1 to 1.
    pub expected_gain: f64,
    /// Share of the question's words that the weights know, 0 to 1.
    pub familiarity: f64,
    /// Share of recent requests, 0 to 1, that were easier.
    pub rank: f64,
}

/// What the classifier learned from this orchestrator's traffic, and what it needs to learn more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taught {
    /// The question as numbers; `None` where nothing is learned.
    pub hashed: Option<Arc<Hashed>>,
    /// How often the models that were asked for are right at such requests.
    pub accuracies: Vec<(ModelName, Score)>,
}

/// A question as numbers, as the classifier gave it and takes it back: nothing else looks into it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hashed {
    /// Buckets of its words.
    pub buckets: Vec<u32>,
    /// What each counts.
    pub values: Vec<f32>,
    /// Buckets of its words of letters.
    pub words: Vec<u32>,
    /// Measures of its form.
    pub measures: Vec<f32>,
    /// Log-odds of its hand-made difficulty.
    pub prior: f64,
}

impl Hashed {
    /// About how many bytes of memory it takes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        let numbers = self.buckets.len() + self.values.len() + self.words.len();
        4 * (numbers + self.measures.len())
    }
}

impl Taught {
    /// How often a model is right at such requests, if that is known.
    #[must_use]
    pub fn accuracy(&self, model: &ModelName) -> Option<Score> {
        let mut all = self.accuracies.iter();
        all.find(|(own, _)| own == model)
            .map(|(_, accuracy)| *accuracy)
    }
}

/// What a request is and how hard it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Kind of task.
    pub task_kind: TaskKind,
    /// How hard it is: 0 any model does it, 1 only the best.
    pub difficulty: Score,
    /// How sure the classifier is of the difficulty.
    pub confidence: Score,
    /// Language of the code in question.
    pub code_language: Option<String>,
    /// Expected output tokens, if anything can be said.
    pub expected_output_tokens: Option<u32>,
    /// What decided.
    pub source: Source,
    /// Tier that an override or marker demands.
    pub tier: Option<TierName>,
    /// Why, strongest first.
    pub evidence: Vec<Evidence>,
    /// What was learned from outcomes.
    pub learned: Learned,
    /// What was learned here.
    pub taught: Taught,
}

impl Classification {
    /// The classification of a request when the classifier could not be asked: nothing is known,
    /// so it starts in the lowest tier and the judge decides.
    #[must_use]
    pub fn unavailable(why: &str) -> Self {
        Self {
            task_kind: TaskKind::Unknown,
            difficulty: Score::ZERO,
            confidence: Score::ZERO,
            code_language: None,
            expected_output_tokens: None,
            source: Source::Unavailable,
            tier: None,
            evidence: vec![Evidence {
                feature: "classifier_unavailable".to_owned(),
                weight: 0.0,
                detail: why.to_owned(),
            }],
            learned: Learned::default(),
            taught: Taught::default(),
        }
    }
}
