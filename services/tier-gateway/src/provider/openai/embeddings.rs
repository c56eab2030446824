//! `POST /embeddings`: texts in, vectors out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terrace_config::Model;

use super::response::reported;
use crate::error::Fault;
use crate::provider::{Embedded, Texts};

/// The body.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

impl<'a> Request<'a> {
    pub(super) fn new(texts: &'a Texts, model: &'a Model) -> Self {
        Self {
            model: model.name.as_str(),
            input: &texts.texts,
            encoding_format: "float",
            dimensions: texts.dimensions,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    #[serde(default)]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// The vectors of `count` texts, put into their order.
pub(super) fn read(answer: Value, count: usize) -> Result<Embedded, Fault> {
    let malformed = |what| Fault::Malformed { offset: 0, what };
    let answer: Answer =
        serde_json::from_value(answer).map_err(|_| malformed("no list of vectors"))?;
    let usage = answer.usage.as_ref().and_then(reported);
    let mut items = answer.data;
    items.sort_unstable_by_key(|item| item.index);
    let in_order = items
        .iter()
        .enumerate()
        .all(|(place, item)| item.index == place);
    if items.len() != count || !in_order {
        return Err(malformed("not one vector for each text"));
    }
    let vectors = items.into_iter().map(|item| item.embedding).collect();
    Ok(Embedded { vectors, usage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let answer = json!({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}],
            "usage": {"prompt_tokens": 5, "total_tokens": 5}});
        let embedded = read(answer, 2).unwrap();
        assert_eq!(embedded.vectors, [vec![1.0], vec![2.0]]);
        assert_eq!(embedded.usage.unwrap().input, Some(5));
    }

    #[test]
    fn a_vector_too_few_or_twice_is_no_answer() {
        let one = json!({"data": [{"index": 0, "embedding": [1.0]}]});
        assert!(read(one, 2).is_err());
        let twice =
            json!({"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": []}]});
        assert!(read(twice, 2).is_err());
        assert!(read(json!({"data": "x"}), 0).is_err());
    }
}
