//! Lessons, accuracies and the state of learning between wire and use case. What comes from the wire
//! is checked: a bucket that there is not, or a value that is no number, would be learned for ever.

use terrace_domain::{ActionName, Failure, ModelName, ProjectName, Violations};
use terrace_learned::features::BUCKETS;
use terrace_learned::measures::MEASURES;
use terrace_learned::train::label_of;
use terrace_learned::{Features, Lesson, Online};
use terrace_proto::classifier::v1 as wire;

use super::request::name;
use crate::classify::Reading;
use crate::learning::{self, Standing};
use crate::request::Request;

/// A longer question is not learned from.
const MAX_BUCKETS: usize = 4096;
/// The most models of one lesson.
const MAX_MODELS: usize = 16;
/// The most that a lesson counts.
const MOST: f64 = 2.0;

/// A question as numbers.
pub(super) fn hashed(reading: Reading) -> wire::HashedText {
    let Reading { text, prior, .. } = reading;
    let is_short = text.grams.len() <= MAX_BUCKETS;
    let text = if is_short { text } else { Features::default() };
    let (buckets, values) = text.grams.into_iter().unzip();
    wire::HashedText {
        buckets,
        values,
        words: text.words,
        measures: text.measures.to_vec(),
        prior,
    }
}

/// How often these models are right at the request's label.
pub(super) fn accuracies(
    online: &Online,
    request: &Request,
    models: Vec<String>,
) -> Vec<wire::ModelAccuracy> {
    let label = learning::label(request.project.as_ref(), request.action.as_ref());
    let told = |model: String| {
        let accuracy = online.means.accuracy(label, label_of(&model));
        wire::ModelAccuracy {
            model,
            accuracy: accuracy.value,
            answers: accuracy.count,
        }
    };
    models.into_iter().map(told).collect()
}

/// How far learning has come.
pub(super) fn standing(standing: Standing) -> wire::GetLearningResponse {
    let snapshots = standing.snapshots.iter().map(|own| wire::LearningSnapshot {
        number: own.number,
        lessons: own.lessons,
    });
    wire::GetLearningResponse {
        enabled: true,
        lessons: standing.lessons,
        labels: u32::try_from(standing.labels).unwrap_or(u32::MAX),
        auroc: standing.auroc,
        prior_alone: standing.prior_alone,
        folder: standing
            .folder
            .map(|folder| folder.display().to_string())
            .unwrap_or_default(),
        snapshots: snapshots.collect(),
    }
}

/// Checks a lesson.
pub(super) fn from_wire(wire: wire::LearnRequest) -> Result<Lesson, Failure> {
    let mut noted = Violations::new();
    let project = name("project", &wire.project, ProjectName::new, &mut noted);
    let action = name("action", &wire.action, ActionName::new, &mut noted);
    let is_gain = wire.gain.is_none_or(|gain| (-1.0..=1.0).contains(&gain));
    noted.require(is_gain, "gain", "must be from -1 to 1");
    let is_count = wire.count > 0.0 && wire.count <= MOST;
    noted.require(is_count, "count", "must be above 0, and at most 2");
    let few = wire.models.len() <= MAX_MODELS;
    noted.require(few, "models", "must be at most 16");
    let models = wire.models.iter().enumerate().take(MAX_MODELS);
    let models = models.filter_map(|(index, own)| {
        let field = format!("models[{index}]");
        let is_quality = (0.0..=1.0).contains(&own.quality);
        noted.require(is_quality, &field, "must have a quality from 0 to 1");
        let model = name(&field, &own.model, ModelName::new, &mut noted)?;
        Some((label_of(model.as_str()), own.quality))
    });
    let models = models.collect();
    let text = wire.hashed_text.unwrap_or_default();
    let prior = text.prior;
    noted.require(prior.is_finite(), "hashed_text.prior", "must be a number");
    let features = features(text, &mut noted);
    noted.finish()?;
    Ok(Lesson {
        features,
        prior,
        label: learning::label(project.as_ref(), action.as_ref()),
        action: action.map(|action| label_of(action.as_str())),
        gain: wire.gain,
        models,
        count: wire.count,
    })
}

fn features(text: wire::HashedText, noted: &mut Violations) -> Features {
    let is_bucket = |bucket: &u32| (*bucket as usize) < BUCKETS;
    let most = |count: usize| count <= MAX_BUCKETS;
    let pairs = text.buckets.len() == text.values.len();
    noted.require(pairs, "hashed_text.values", "must be one for each bucket");
    let few = most(text.buckets.len()) && most(text.words.len());
    noted.require(
        few,
        "hashed_text",
        "must have at most 4096 buckets and words",
    );
    let are_buckets = text.buckets.iter().chain(&text.words).all(is_bucket);
    noted.require(are_buckets, "hashed_text", "has a bucket that there is not");
    // No bucket has more than a whole text of length 1, no measure more than 3 spreads.
    let are_values = text
        .values
        .iter()
        .all(|value| (0.0..=1.001).contains(value));
    noted.require(are_values, "hashed_text.values", "must be from 0 to 1");
    let measures: [f32; MEASURES] = match text.measures.as_slice().try_into() {
        Ok(measures) => measures,
        Err(_) if text.measures.is_empty() => [0.0; MEASURES],
        Err(_) => {
            noted.add("hashed_text.measures", "are of another version");
            [0.0; MEASURES]
        }
    };
    let are_measures = measures.iter().all(|measure| measure.abs() <= 3.001);
    noted.require(are_measures, "hashed_text.measures", "must be within 3");
    Features {
        grams: text.buckets.into_iter().zip(text.values).collect(),
        words: text.words,
        measures,
    }
}
