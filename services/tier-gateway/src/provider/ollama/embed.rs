//! `POST /api/embed`: texts in, vectors out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terrace_config::Model;

use crate::error::Fault;
use crate::provider::{Embedded, Reported, Texts};

/// The body. A text that is too long is an error and not cut without a word.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

impl<'a> Request<'a> {
    pub(super) fn new(texts: &'a Texts, model: &'a Model) -> Self {
        Self {
            model: model.name.as_str(),
            input: &texts.texts,
            truncate: false,
            dimensions: texts.dimensions,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Vec<f32>>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
}

/// The vectors of `count` texts.
pub(super) fn read(answer: Value, count: usize) -> Result<Embedded, Fault> {
    let malformed = |what| Fault::Malformed { offset: 0, what };
    let answer: Answer =
        serde_json::from_value(answer).map_err(|_| malformed("no list of vectors"))?;
    if answer.embeddings.len() != count {
        return Err(malformed("not one vector for each text"));
    }
    let usage = answer.prompt_eval_count.map(|input| Reported {
        input: Some(input),
        ..Reported::default()
    });
    Ok(Embedded {
        vectors: answer.embeddings,
        usage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_text_has_its_vector_or_there_is_no_answer() {
        let answer = json!({"embeddings": [[1.0], [2.0]], "prompt_eval_count": 3});
        let embedded = read(answer.clone(), 2).unwrap();
        assert_eq!(embedded.vectors, [vec![1.0], vec![2.0]]);
        assert_eq!(embedded.usage.unwrap().input, Some(3));
        assert!(read(answer, 3).is_err());
        assert!(read(json!({"error": "no"}), 1).is_err());
    }
}
