//! The styles and scripts of the pages, inside the program: nothing is loaded from anywhere else.
//!
//! Their addresses have a part that changes with their content, so that browsers may keep them for
//! ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use ring::digest;

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asset {
    Base,
    Parts,
    Pages,
    Playground,
    Icon,
}

impl Asset {
    /// Styles of every page.
    pub(super) const SHEETS: [Self; 2] = [Self::Base, Self::Parts];
    /// Scripts of every page.
    pub(super) const SCRIPTS: [Self; 2] = [Self::Pages, Self::Playground];
    const ALL: [Self; 5] = [
        Self::Base,
        Self::Parts,
        Self::Pages,
        Self::Playground,
        Self::Icon,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Base => "base.css",
            Self::Parts => "parts.css",
            Self::Pages => "pages.js",
            Self::Playground => "playground.js",
            Self::Icon => "icon.svg",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Base | Self::Parts => "text/css; charset=utf-8",
            Self::Pages | Self::Playground => "text/javascript; charset=utf-8",
            Self::Icon => "image/svg+xml",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Base => include_str!("assets/base.css"),
            Self::Parts => include_str!("assets/parts.css"),
            Self::Pages => include_str!("assets/pages.js"),
            Self::Playground => include_str!("assets/playground.js"),
            Self::Icon => include_str!("assets/icon.svg"),
        }
    }
}

/// Tells this build's files from those of others.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut all = digest::Context::new(&digest::SHA256);
    for asset in Asset::ALL {
        all.update(asset.text().as_bytes());
    }
    let digest = all.finish();
    let first = digest.as_ref().iter().take(6);
    first.map(|byte| format!("{byte:02x}")).collect()
});

/// Where a file is.
pub(super) fn path(asset: Asset) -> String {
    format!("/dashboard/assets/{}/{}", *VERSION, asset.name())
}

/// `GET /dashboard/assets/{version}/{name}`.
pub(super) async fn one(Path((version, name)): Path<(String, String)>) -> Response {
    let found = Asset::ALL.into_iter().find(|asset| asset.name() == name);
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A page of another build, which is about to be replaced, gets what there is, for now.
    let kept = match version == *VERSION {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind()),
        (header::CACHE_CONTROL, kept),
    ];
    (headers, asset.text()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_anywhere_else() {
        for asset in Asset::ALL {
            for word in ["http://", "https://", "@import", "url(", "eval("] {
                let text = asset.text().replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(word), "{}: {word}", asset.name());
            }
        }
    }

    #[test]
    fn files_stay_short() {
        for asset in Asset::ALL {
            assert!(asset.text().lines().count() <= 400, "{}", asset.name());
        }
    }
}
