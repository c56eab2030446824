//! `/v1/models`: the router, the tiers, the aliases of the config and the models of all gateways, as
//! OpenAI lists models, or as Anthropic does for its clients.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde_json::{Value, json};
use terrace_domain::{Failure, Reason};
use terrace_proto::common::v1::Model;

use crate::account::usd;
use crate::app::Edge;
use crate::refusal::Refusal;
use crate::routes::Api;
use crate::wishes::Wishes;

/// `GET /v1/models`.
pub(crate) async fn list(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    let api = api(&headers);
    match listed(&edge, &headers).await {
        Ok(models) => axum::Json(page(api, &models)).into_response(),
        Err(refusal) => api.refuse(&refusal),
    }
}

/// `GET /v1/models/{id}`; an id may have slashes.
pub(crate) async fn one(
    State(edge): State<Arc<Edge>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let api = api(&headers);
    let found = listed(&edge, &headers).await.and_then(|models| {
        let found = models.into_iter().find(|model| model.id == id);
        let missing = || Failure::new(Reason::NotFound, "no model is called so: see /v1/models");
        found.ok_or_else(|| Refusal::from(missing()))
    });
    match found {
        Ok(model) => axum::Json(model.json(api)).into_response(),
        Err(refusal) => api.refuse(&refusal),
    }
}

/// Anthropic's clients name the version of their API with every call.
fn api(headers: &HeaderMap) -> Api {
    match headers.contains_key("anthropic-version") {
        true => Api::Anthropic,
        false => Api::OpenAi,
    }
}

/// One name of the list.
struct Listed {
    id: String,
    owner: String,
    about: Value,
}

impl Listed {
    fn json(&self, api: Api) -> Value {
        // Nobody knows when a model was made; both APIs have a field for it.
        match api {
            Api::OpenAi => json!({
                "id": self.id,
                "object": "model",
                "created": 0,
                "owned_by": self.owner,
                "terrace": self.about,
            }),
            Api::Anthropic => json!({
                "type": "model",
                "id": self.id,
                "display_name": self.id,
                "created_at": "1970-01-01T00:00:00Z",
                "terrace": self.about,
            }),
        }
    }
}

fn page(api: Api, models: &[Listed]) -> Value {
    let data: Vec<Value> = models.iter().map(|model| model.json(api)).collect();
    match api {
        Api::OpenAi => json!({"object": "list", "data": data}),
        Api::Anthropic => json!({
            "data": data,
            "has_more": false,
            "first_id": models.first().map(|model| &model.id),
            "last_id": models.last().map(|model| &model.id),
        }),
    }
}

async fn listed(edge: &Edge, headers: &HeaderMap) -> Result<Vec<Listed>, Refusal> {
    let caller = edge.caller(headers)?;
    let call = edge.call(caller, &Wishes::default());
    let answer = edge.orchestrator.list_models(&call).await?;
    let own = |id: String, about: Value| Listed {
        id,
        owner: "terrace".to_owned(),
        about,
    };
    let auto = own("terrace/auto".to_owned(), json!({"kind": "router"}));
    let tiers = answer.tiers.iter().map(|tier| {
        own(
            format!("terrace/{tier}"),
            json!({"kind": "tier", "tier": tier}),
        )
    });
    let aliases = edge.settings.names.aliases().map(|(name, target)| {
        let about = json!({"kind": "alias", "target": target.to_string()});
        own(name.to_owned(), about)
    });
    let mut list: Vec<Listed> = std::iter::once(auto).chain(tiers).chain(aliases).collect();
    for model in &answer.models {
        // A model of several tiers is one name.
        if !list.iter().any(|listed| listed.id == model.name) {
            list.push(Listed {
                id: model.name.clone(),
                owner: model.backend.clone(),
                about: about(model),
            });
        }
    }
    Ok(list)
}

fn about(model: &Model) -> Value {
    let price = model.price.clone().unwrap_or_default();
    let can = model.capabilities.unwrap_or_default();
    json!({
        "kind": "model",
        "tier": model.tier,
        "backend": model.backend,
        "price": {
            "input_usd": usd(price.input_nano_usd),
            "output_usd": usd(price.output_nano_usd),
        },
        "context_window": model.context_window,
        "capabilities": {
            "code": can.code,
            "vision": can.vision,
            "tools": can.tools,
            "json": can.json,
            "json_schema": can.json_schema,
            "logprobs": can.logprobs,
            "embeddings": can.embeddings,
        },
        "available": model.available,
        "unavailable_because": model.unavailable_because,
        "scripted": model.scripted,
    })
}
