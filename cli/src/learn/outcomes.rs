//! Files of outcomes: one JSON object a line, gzipped or not.
//!
//! A row has a `prompt` and the quality of a weaker and a stronger model: `weak_correct` and
//! `strong_correct`, or `scores` by model, or whatever `--weak` and `--strong` name (dots go into
//! objects). Of `scores` without flags the weaker tier is the mean of the lower third of the models,
//! by their mean over the file, and the stronger that of the upper third: tiers are several models,
//! and single ones have quirks of format. The label is `action`, `label`, `task` or `subject`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use terrace_domain::Failure;

use super::invalid;

/// Keys that may hold the label, in this order.
const LABELS: [&str; 4] = ["action", "label", "task", "subject"];
/// The beginning of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What became of one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// The question.
    pub(super) prompt: String,
    /// What the caller was doing.
    pub(super) label: Option<String>,
    /// Quality of the weaker model, 0 to 1.
    pub(super) weak: f64,
    /// Quality of the stronger model.
    pub(super) strong: f64,
}

/// Which qualities of a row are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Key of the weaker model's quality.
    pub(crate) weak: Option<String>,
    /// Key of the stronger model's quality.
    pub(crate) strong: Option<String>,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Outcomes {
    /// What was compared, in words: files of the same comparison are learned from together.
    pub(super) compared: String,
    pub(super) rows: Vec<Outcome>,
}

/// Reads a file; blank lines are passed over.
///
/// # Errors
/// It cannot be read, or a line is no outcome.
pub(super) fn read(path: &Path, pair: &Pair) -> Result<Outcomes, Failure> {
    let name = path.display();
    let objects = objects(path)?;
    let sides = Sides::of(pair, &objects);
    let mut rows = Vec::with_capacity(objects.len());
    for (number, object) in &objects {
        let row = sides.outcome(object);
        rows.push(row.map_err(|what| invalid(format!("{name}:{number}: {what}")))?);
    }
    if rows.is_empty() {
        return Err(invalid(format!("{name} has no rows")));
    }
    Ok(Outcomes {
        compared: sides.words(),
        rows,
    })
}

/// The number of a line and the object that it is.
pub(super) type Numbered = (usize, Map<String, Value>);

/// The objects of a file with the numbers of their lines.
///
/// # Errors
/// It cannot be read, or a line is no object.
pub(super) fn objects(path: &Path) -> Result<Vec<Numbered>, Failure> {
    let name = path.display();
    let lines = lines(path).map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
    let mut objects = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(object)) => objects.push((index + 1, object)),
            Ok(_) => return Err(invalid(format!("{name}:{}: is no object", index + 1))),
            Err(error) => return Err(invalid(format!("{name}:{}: {error}", index + 1))),
        }
    }
    Ok(objects)
}

fn lines(path: &Path) -> io::Result<Vec<String>> {
    let mut file = BufReader::new(File::open(path)?);
    let packed = file.fill_buf()?.starts_with(&GZIP);
    let reader: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    BufReader::new(reader).lines().collect()
}

/// Keys whose mean is the quality of each side.
struct Sides {
    weak: Vec<String>,
    strong: Vec<String>,
}

impl Sides {
    fn of(pair: &Pair, objects: &[Numbered]) -> Self {
        let thirds = match objects.first() {
            Some((_, first)) if first.get("scores").is_some_and(Value::is_object) => {
                thirds(objects)
            }
            _ => Self {
                weak: vec!["weak_correct".to_owned()],
                strong: vec!["strong_correct".to_owned()],
            },
        };
        let given = |key: &Option<String>| key.clone().map(|key| vec![key]);
        Self {
            weak: given(&pair.weak).unwrap_or(thirds.weak),
            strong: given(&pair.strong).unwrap_or(thirds.strong),
        }
    }

    fn words(&self) -> String {
        let side = |keys: &[String]| keys.join("+").replace("scores.", "");
        format!("{} → {}", side(&self.weak), side(&self.strong))
    }

    fn outcome(&self, object: &Map<String, Value>) -> Result<Outcome, String> {
        let prompt = object.get("prompt").and_then(Value::as_str);
        let label = LABELS.iter().find_map(|key| object.get(*key)?.as_str());
        Ok(Outcome {
            prompt: prompt.ok_or("has no `prompt`")?.to_owned(),
            label: label.map(str::to_owned),
            weak: mean(object, &self.weak)?,
            strong: mean(object, &self.strong)?,
        })
    }
}

/// The lower and the upper third of the models of `scores`.
fn thirds(objects: &[Numbered]) -> Sides {
    let mut totals: Vec<(String, f64)> = Vec::new();
    let scores = objects
        .iter()
        .filter_map(|(_, object)| object.get("scores")?.as_object());
    for (model, score) in scores.flatten() {
        let score = score.as_f64().unwrap_or(0.0);
        match totals.iter_mut().find(|(name, _)| name == model) {
            Some((_, total)) => *total += score,
            None => totals.push((model.clone(), score)),
        }
    }
    totals.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    let third = (totals.len() / 3).max(1).min(totals.len());
    let keys = |part: &[(String, f64)]| {
        let key = |(name, _): &(String, f64)| format!("scores.{name}");
        part.iter().map(key).collect()
    };
    Sides {
        weak: keys(&totals[..third]),
        strong: keys(&totals[totals.len() - third..]),
    }
}

fn mean(object: &Map<String, Value>, keys: &[String]) -> Result<f64, String> {
    let mut sum = 0.0;
    for key in keys {
        sum += quality(object, key).ok_or_else(|| format!("has no quality `{key}`"))?;
    }
    Ok(sum / keys.len().max(1) as f64)
}

/// A quality by its key. Names of models have dots too, so what follows `scores.` is one name.
fn quality(object: &Map<String, Value>, key: &str) -> Option<f64> {
    let value = match key.split_once('.') {
        Some((outer, inner)) if object.contains_key(outer) => object.get(outer)?.get(inner)?,
        _ => object.get(key)?,
    };
    match value {
        Value::Bool(good) => Some(f64::from(u8::from(*good))),
        Value::Number(_) => value.as_f64().filter(|number| (0.0..=1.0).contains(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn message(text: &str) -> String {
        let file = file(text.as_bytes());
        read(file.path(), &Pair::default()).unwrap_err().message
    }

    #[test]
    fn a_gzipped_file_reads_like_a_plain_one() {
        let text =
            br#"{"prompt": "a", "subject": "s", "weak_correct": false, "strong_correct": true}"#;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        let (plain, packed) = (file(text), file(&packed.finish().unwrap()));
        let rows =
            |file: &tempfile::NamedTempFile| read(file.path(), &Pair::default()).unwrap().rows;
        assert_eq!(rows(&plain), rows(&packed));
        assert_eq!(rows(&plain)[0].label.as_deref(), Some("s"));
        assert!(rows(&plain)[0].strong > rows(&plain)[0].weak);
    }

    #[test]
    fn scores_are_taken_by_thirds_or_as_the_flags_say() {
        let text = br#"{"prompt": "a", "scores": {"m-1.5": 0.1, "n": 0.5, "o": 0.9}}"#;
        let file = file(text);
        let found = read(file.path(), &Pair::default()).unwrap();
        assert_eq!(found.compared, "m-1.5 → o");
        let pair = Pair {
            weak: Some("scores.n".to_owned()),
            strong: None,
        };
        let found = read(file.path(), &pair).unwrap();
        assert!((found.rows[0].weak - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert!(message("\n{]").contains(":2: "));
        assert!(message("{}").contains("has no `prompt`"));
        assert!(message(r#"{"prompt": "a"}"#).contains("has no quality `weak_correct`"));
        assert!(message(r#"{"prompt": "a", "weak_correct": 7}"#).contains("weak_correct"));
        assert!(message(" ").contains("has no rows"));
    }
}
