//! The backends that need no entry in a file, and which model goes to which of them.
//!
//! A file of nothing but tier and model names has to work, so the name of a model tells its
//! backend: the two well-known APIs by how their models are called, everything else an Ollama on
//! this machine. An entry of the same name in the file holds field by field before these.

use url::Url;

use crate::schema::BackendKind;

/// A backend that is there without being configured.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) kind: BackendKind,
    pub(crate) url: &'static str,
    pub(crate) key_variable: Option<&'static str>,
    pub(crate) paid: bool,
}

const ANTHROPIC: BuiltIn = BuiltIn {
    name: "anthropic",
    kind: BackendKind::Anthropic,
    url: "https://api.anthropic.com/v1",
    key_variable: Some("ANTHROPIC_API_KEY"),
    paid: true,
};

const OPENAI: BuiltIn = BuiltIn {
    name: "openai",
    kind: BackendKind::OpenAi,
    url: "https://api.openai.com/v1",
    key_variable: Some("OPENAI_API_KEY"),
    paid: true,
};

const OLLAMA: BuiltIn = BuiltIn {
    name: "ollama",
    kind: BackendKind::Ollama,
    url: "http://127.0.0.1:11434",
    key_variable: None,
    paid: false,
};

/// All of them.
pub(crate) const ALL: &[BuiltIn] = &[ANTHROPIC, OPENAI, OLLAMA];

impl BuiltIn {
    /// Its own URL.
    pub(crate) fn home(&self) -> Option<Url> {
        Url::parse(self.url).ok()
    }

    /// Whether `url` leads to where this backend is at home.
    pub(crate) fn is_home(&self, url: &Url) -> bool {
        self.home()
            .is_some_and(|home| home.origin() == url.origin())
    }
}

/// The built-in backend that a model of this name is looked for at.
pub(crate) fn backend_of(model: &str) -> &'static str {
    let starts = |prefix: &str| model.starts_with(prefix);
    // Open weights under a closed name's prefix.
    if starts("gpt-oss") {
        return OLLAMA.name;
    }
    if starts("claude") {
        return ANTHROPIC.name;
    }
    let reasoning = |family: &str| {
        let rest = model.strip_prefix(family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if starts("gpt") || ["o1", "o3", "o4"].into_iter().any(reasoning) {
        return OPENAI.name;
    }
    OLLAMA.name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_tells_its_backend() {
        for (model, backend) in [
            ("claude-sonnet-4", "anthropic"),
            ("gpt-4o-mini", "openai"),
            ("o3", "openai"),
            ("o4-mini", "openai"),
            ("gpt-oss:20b", "ollama"),
            ("o1mini-finetune", "ollama"),
            ("llama3.2:3b", "ollama"),
        ] {
            assert_eq!(backend_of(model), backend, "{model}");
        }
    }
}
