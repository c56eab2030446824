//! What reads bytes from outside, as fuzz targets see it: bytes in, nothing out.

use std::sync::LazyLock;

use terrace_domain::ProjectName;

use crate::Settings;
use crate::clients::read_kept;
use crate::grpc::{self, Reader};

/// Who pays, and a reader as the built-in config has it.
static BUILT_IN: LazyLock<Option<(ProjectName, Reader)>> = LazyLock::new(|| {
    let loaded = terrace_config::parse("", "none", []).ok()?;
    let settings = Settings::from_config(&loaded.config);
    let project = ProjectName::new("default").ok()?;
    let reader = Reader::new(
        (settings.policy, settings.consensus),
        settings.route.rules.tiers.clone(),
        settings.limits,
        project.clone(),
    );
    Some((project, reader))
});

/// The messages of callers.
pub fn messages(data: &[u8]) {
    if let Some((_, reader)) = &*BUILT_IN {
        grpc::read(data, reader);
    }
}

/// What a shared cache has kept.
pub fn kept(data: &[u8]) {
    if let Some((project, _)) = &*BUILT_IN {
        read_kept(data, project);
    }
}
