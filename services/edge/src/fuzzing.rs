//! The bodies of calls as fuzz targets see them: bytes in, nothing out.

use std::sync::LazyLock;

use crate::config::Settings;
use crate::refusal::Refusal;
use crate::{anthropic, openai};

/// As the built-in config has them.
static SETTINGS: LazyLock<Option<Settings>> = LazyLock::new(|| {
    let loaded = terrace_config::parse("", "none", []).ok()?;
    Some(Settings::from_config(&loaded.config, None))
});

/// `POST /v1/chat/completions`.
pub fn chat(data: &[u8]) {
    with(data, openai::chat::read);
}

/// `POST /v1/responses`.
pub fn responses(data: &[u8]) {
    with(data, openai::responses::read);
}

/// `POST /v1/embeddings`.
pub fn embeddings(data: &[u8]) {
    with(data, openai::embeddings::read);
}

/// `POST /v1/messages`.
pub fn messages(data: &[u8]) {
    with(data, anthropic::messages::read);
}

fn with(data: &[u8], read: impl Fn(&[u8], &Settings) -> Result<(), Refusal>) {
    if let Some(settings) = &*SETTINGS {
        drop(read(data, settings));
    }
}
