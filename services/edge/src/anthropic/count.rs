//! `POST /v1/messages/count_tokens`: an estimate, because no model is called and each has a tokenizer
//! of its own. It is the one that bills fall back to where a backend gives no counts.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use terrace_domain::usage::{IMAGE_TOKENS, estimate_tokens};
use terrace_proto::convert::PromptSize;

use super::error;
use super::messages::Creation;
use crate::app::Edge;
use crate::body;
use crate::refusal::Refusal;
use crate::wishes::Wishes;

/// Counts the tokens of one call.
pub(crate) async fn count(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    match counted(&edge, request).await {
        Ok(tokens) => {
            let body = json!({"input_tokens": tokens, "terrace": {"estimated": true}});
            axum::Json(body).into_response()
        }
        Err(refusal) => error::response(&refusal),
    }
}

async fn counted(edge: &Edge, request: Request) -> Result<u64, Refusal> {
    let (head, content) = request.into_parts();
    let caller = edge.caller(&head.headers)?;
    let creation: Creation = body::json(&head.headers, content, &edge.settings).await?;
    let asked = creation.counted(&head.headers, &edge.settings)?;
    // Nothing but the key is asked for: whoever has none is told nothing here either.
    let call = edge.call(caller, &Wishes::default());
    edge.orchestrator.list_models(&call).await?;
    let request = asked.wishes.request;
    let size = PromptSize::of(&request.messages).with_tools(&request.tools);
    let pictures = size.images.saturating_mul(IMAGE_TOKENS);
    Ok(estimate_tokens(size.text_bytes).saturating_add(pictures))
}
