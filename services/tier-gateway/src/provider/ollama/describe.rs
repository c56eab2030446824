//! What Ollama tells of its models: `GET /api/tags` names them, `POST /api/show` describes one.

use serde_json::Value;
use terrace_config::Capabilities;

use crate::provider::{Traits, Window};

/// Names of a list of models; `None` if it is no such list.
pub(super) fn names(list: &Value) -> Option<Vec<String>> {
    let models = list.get("models")?.as_array()?;
    let name = |model: &Value| Some(model.get("name")?.as_str()?.to_owned());
    Some(models.iter().filter_map(name).collect())
}

/// What is told of one model.
pub(super) fn traits(shown: &Value) -> Traits {
    Traits {
        context_window: context_window(shown),
        capabilities: capabilities(shown),
    }
}

/// `model_info` has it under the name of the model's architecture: `llama.context_length`.
fn context_window(shown: &Value) -> Option<Window> {
    let info = shown.get("model_info")?;
    let architecture = info.get("general.architecture")?.as_str()?;
    let tokens = info.get(format!("{architecture}.context_length"))?;
    u32::try_from(tokens.as_u64()?)
        .ok()
        .filter(|tokens| *tokens > 0)
        .map(Window::AtMost)
}

/// Ollama 0.6.4 and newer list them. JSON and log-probabilities are the server's, for every model.
fn capabilities(shown: &Value) -> Option<Capabilities> {
    let listed = shown.get("capabilities")?.as_array()?;
    let can = |word: &str| listed.iter().any(|own| own == word);
    Some(Capabilities {
        code: false,
        vision: can("vision"),
        tools: can("tools"),
        json: can("completion"),
        logprobs: can("completion"),
        embeddings: can("embedding"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_window_is_found_under_the_name_of_the_architecture() {
        let info = json!({"general.architecture": "gemma3", "gemma3.context_length": 131_072});
        let shown = json!({"model_info": info});
        assert_eq!(traits(&shown).context_window, Some(Window::AtMost(131_072)));
        let other = json!({"model_info": {"general.architecture": "gemma3"}});
        assert_eq!(traits(&other), Traits::default());
    }

    #[test]
    fn what_the_model_can_do_is_told_by_newer_servers_alone() {
        let shown = json!({"capabilities": ["completion", "tools", "thinking"]});
        let can = traits(&shown).capabilities.unwrap();
        assert!(can.tools && can.json && !can.vision && !can.embeddings);
        assert_eq!(traits(&json!({})).capabilities, None);
    }
}
