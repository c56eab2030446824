//! Actions that always start at a configured tier, whatever the prompt says.

use std::collections::BTreeMap;

use terrace_domain::{ActionName, TierName};

/// The configured actions.
#[derive(Debug, Clone, Default)]
pub struct Overrides(BTreeMap<ActionName, TierName>);

impl Overrides {
    /// Takes `routing.action_tier_overrides`.
    #[must_use]
    pub const fn new(tiers: BTreeMap<ActionName, TierName>) -> Self {
        Self(tiers)
    }

    /// The tier that an action demands; names are compared exactly.
    #[must_use]
    pub fn tier(&self, action: Option<&ActionName>) -> Option<&TierName> {
        self.0.get(action?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_configured_action_has_a_tier() {
        let action = ActionName::new("edit_file").unwrap();
        let tier = TierName::new("local_quality").unwrap();
        let overrides = Overrides::new(BTreeMap::from([(action.clone(), tier.clone())]));
        assert_eq!(overrides.tier(Some(&action)), Some(&tier));
        let other = ActionName::new("edit_files").unwrap();
        assert_eq!(overrides.tier(Some(&other)), None);
        assert_eq!(overrides.tier(None), None);
    }
}
