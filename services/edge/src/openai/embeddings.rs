//! `POST /v1/embeddings`: texts into vectors, on a tier's embedding model.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use terrace_config::Target;
use terrace_domain::Violations;
use terrace_proto::common::v1::Embedding;
use terrace_proto::router::v1 as wire;

use super::error;
use crate::account::{self, put, usd};
use crate::app::Edge;
use crate::body;
use crate::config::Settings;
use crate::refusal::Refusal;
use crate::text_or::TextOr;
use crate::wishes::{Told, Wishes};

/// The body of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    model: Option<String>,
    input: Option<TextOr<Value>>,
    encoding_format: Option<String>,
    dimensions: Option<u32>,
    terrace: Option<Map<String, Value>>,
}

/// How the numbers of a vector are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    Base64,
}

struct Asked {
    request: wire::EmbedRequest,
    encoding: Encoding,
    wishes: Wishes,
}

/// Answers one call.
pub(crate) async fn embeddings(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    answered(&edge, request)
        .await
        .unwrap_or_else(|refusal| error::response(&refusal))
}

async fn answered(edge: &Edge, request: Request) -> Result<Response, Refusal> {
    let (head, content) = request.into_parts();
    let caller = edge.caller(&head.headers)?;
    let wanted: Wanted = body::json(&head.headers, content, &edge.settings).await?;
    let asked = wanted.asked(&head.headers, &edge.settings)?;
    let call = edge.call(caller, &asked.wishes);
    let answer = edge.orchestrator.embed(asked.request, &call).await?;
    let body = axum::Json(list(&answer, asked.encoding));
    Ok((headers(&answer), body).into_response())
}

/// Reads `bytes` as the body of a call.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8], settings: &crate::config::Settings) -> Result<(), Refusal> {
    let body: Wanted = body::decode(bytes)?;
    let asked = body.asked(&HeaderMap::new(), settings)?;
    drop(asked.request);
    Ok(())
}

impl Wanted {
    fn asked(self, headers: &HeaderMap, settings: &Settings) -> Result<Asked, Refusal> {
        let mut noted = Violations::new();
        let told = Told {
            terrace: self.terrace.as_ref(),
            metadata: None,
        };
        let wishes = Wishes::read(headers, told, &mut noted);
        let unset = self.dimensions.is_none();
        noted.require(
            unset,
            "dimensions",
            "cannot be chosen: the model has its own",
        );
        let encoding = match self.encoding_format.as_deref() {
            None | Some("float") => Encoding::Float,
            Some("base64") => Encoding::Base64,
            Some(_) => {
                noted.add("encoding_format", "has to be float or base64");
                Encoding::Float
            }
        };
        let inputs = texts(self.input, &mut noted);
        let model = self.model.unwrap_or_default();
        noted.require(!model.is_empty(), "model", "must not be empty");
        noted.finish()?;
        let (tier, model) = match settings.names.find(&model)? {
            Target::Auto => (String::new(), String::new()),
            Target::Tier(tier) => (tier.to_string(), String::new()),
            Target::Model(model) => (String::new(), model.to_string()),
        };
        Ok(Asked {
            request: wire::EmbedRequest {
                tier,
                model,
                inputs,
            },
            encoding,
            wishes,
        })
    }
}

fn texts(input: Option<TextOr<Value>>, noted: &mut Violations) -> Vec<String> {
    let items = match input {
        None => {
            noted.add("input", "is missing");
            return Vec::new();
        }
        Some(TextOr::Text(text)) => return vec![text],
        Some(TextOr::List(items)) => items.into_iter().enumerate(),
    };
    let texts = items.filter_map(|(index, item)| match item {
        Value::String(text) => Some(text),
        _ => {
            let why = "has to be a text: numbers of tokens say nothing to a model with another \
                       tokenizer (langchain-openai: check_embedding_ctx_length=False)";
            noted.add(format!("input[{index}]"), why);
            None
        }
    });
    texts.collect()
}

fn list(answer: &wire::EmbedResponse, encoding: Encoding) -> Value {
    let usage = answer.usage.unwrap_or_default();
    let vectors = answer.embeddings.iter().enumerate();
    let data = vectors.map(|(index, vector)| {
        json!({"object": "embedding", "index": index, "embedding": numbers(vector, encoding)})
    });
    json!({
        "object": "list",
        "data": data.collect::<Vec<Value>>(),
        "model": answer.model,
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
        "terrace": {
            "request_id": answer.request_id,
            "tier": answer.tier,
            "model": answer.model,
            "usage": account::usage(usage),
            "cost_nano_usd": answer.cost_nano_usd,
            "cost_usd": usd(answer.cost_nano_usd),
        },
    })
}

fn numbers(vector: &Embedding, encoding: Encoding) -> Value {
    match encoding {
        Encoding::Float => json!(vector.values),
        Encoding::Base64 => {
            let bytes = vector.values.iter().flat_map(|value| value.to_le_bytes());
            Value::String(STANDARD.encode(bytes.collect::<Vec<u8>>()))
        }
    }
}

fn headers(answer: &wire::EmbedResponse) -> HeaderMap {
    let mut headers = HeaderMap::new();
    account::request_id(&answer.request_id, &mut headers);
    put("x-terrace-tier", &answer.tier, &mut headers);
    put("x-terrace-model", &answer.model, &mut headers);
    put(
        "x-terrace-cost-usd",
        &usd(answer.cost_nano_usd),
        &mut headers,
    );
    let nanos = answer.cost_nano_usd.to_string();
    put("x-terrace-cost-nano-usd", &nanos, &mut headers);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_the_same_in_numbers_and_in_base64() {
        let vector = Embedding {
            values: vec![1.0, -0.5],
        };
        assert_eq!(numbers(&vector, Encoding::Float), json!([1.0, -0.5]));
        assert_eq!(numbers(&vector, Encoding::Base64), "AACAPwAAAL8=");
    }

    #[test]
    fn tokens_instead_of_texts_are_refused_with_what_to_do() {
        let mut noted = Violations::new();
        let input: TextOr<Value> = serde_json::from_value(json!(["a", [1, 2]])).unwrap();
        assert_eq!(texts(Some(input), &mut noted), ["a"]);
        let failure = noted.finish().unwrap_err();
        assert_eq!(failure.fields[0].field, "input[1]");
        assert!(failure.message.contains("check_embedding_ctx_length"));
    }
}
