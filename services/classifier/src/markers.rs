//! Prompts that say by how they begin where they want to start, as `ORCHESTRATE: …`.
//!
//! Only the last thing the user said counts, and only its very beginning (white space aside): a
//! marker that is quoted further down is just text. Letters count as they are written.

use terrace_domain::TierName;

/// What a marker means for the kind of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The marker asks for orchestration by its own name.
    Orchestration,
    /// It names a tier and says nothing about the task.
    TierOnly,
}

/// One configured marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    prefix: String,
    tier: TierName,
    meaning: Meaning,
}

impl Marker {
    /// Where a prompt with this marker starts.
    #[must_use]
    pub const fn tier(&self) -> &TierName {
        &self.tier
    }

    /// What it says about the task.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        self.meaning
    }
}

/// The configured markers, longest prefix first.
#[derive(Debug, Clone, Default)]
pub struct Markers(Vec<Marker>);

impl Markers {
    /// Takes `routing.markers` as (prefix, tier); empty prefixes would mark everything and are
    /// left out.
    #[must_use]
    pub fn new(markers: impl IntoIterator<Item = (String, TierName)>) -> Self {
        let mut markers: Vec<_> = markers
            .into_iter()
            .filter(|(prefix, _)| !prefix.trim().is_empty())
            .map(|(prefix, tier)| Marker {
                meaning: meaning_of(&prefix),
                prefix,
                tier,
            })
            .collect();
        markers.sort_by_key(|marker| std::cmp::Reverse(marker.prefix.len()));
        Self(markers)
    }

    /// The marker that a text begins with; of several the longest.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Marker> {
        let text = text.trim_start();
        self.0
            .iter()
            .find(|marker| text.starts_with(&marker.prefix))
    }
}

fn meaning_of(prefix: &str) -> Meaning {
    if prefix.to_ascii_lowercase().contains("orchestrat") {
        Meaning::Orchestration
    } else {
        Meaning::TierOnly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markers() -> Markers {
        let tier = |name: &str| TierName::new(name).unwrap();
        Markers::new([
            ("ORCHESTRATE:".to_owned(), tier("api_fallback")),
            ("FAST:".to_owned(), tier("local_fast")),
            ("FAST:CODE:".to_owned(), tier("local_quality")),
            (" ".to_owned(), tier("local_fast")),
        ])
    }

    #[test]
    fn a_marker_counts_at_the_beginning_alone() {
        let markers = markers();
        let found = markers.find("\n ORCHESTRATE: deploy it").unwrap();
        assert_eq!(found.tier().as_str(), "api_fallback");
        assert_eq!(found.meaning(), Meaning::Orchestration);
        for text in ["please ORCHESTRATE: this", "orchestrate: this", "", "plain"] {
            assert_eq!(markers.find(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_longest_of_several_wins() {
        let markers = markers();
        let found = markers.find("FAST:CODE: a loop").unwrap();
        assert_eq!(found.tier().as_str(), "local_quality");
        assert_eq!(found.meaning(), Meaning::TierOnly);
    }
}
