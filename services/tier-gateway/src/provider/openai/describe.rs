//! What servers of one's own can do with their models, beside what the list of models tells.
//!
//! Both hold any model to JSON and give log-probabilities of any. llama.cpp tells the rest of its one
//! model by `GET /props`; vLLM is started with or without tools, and tells nobody.

use serde_json::Value;
use terrace_config::Capabilities;

/// A vLLM.
pub(super) const fn vllm() -> Capabilities {
    Capabilities {
        code: false,
        vision: false,
        tools: false,
        json: true,
        logprobs: true,
        embeddings: false,
    }
}

/// A llama.cpp server with these properties.
pub(super) fn llama_cpp(props: &Value) -> Capabilities {
    let says = |path: &str| props.pointer(path) == Some(&Value::Bool(true));
    Capabilities {
        vision: says("/modalities/vision"),
        tools: says("/chat_template_caps/supports_tools"),
        ..vllm()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn llama_cpp_tells_of_pictures_and_tools_and_can_always_be_held_to_json() {
        let props = json!({"modalities": {"vision": true},
            "chat_template_caps": {"supports_tools": false}});
        let can = llama_cpp(&props);
        assert!(can.vision && !can.tools && can.json && can.logprobs);
        assert_eq!(llama_cpp(&Value::Null), vllm());
    }
}
