//! What a name in a request's `model` leads to: the router, a tier, a model, or what an alias of the
//! config stands for.

use std::collections::{BTreeMap, BTreeSet};

use terrace_config::{Config, Target};
use terrace_domain::{Failure, Reason};

/// Every name that a request's `model` may be.
#[derive(Debug, Clone, Default)]
pub struct Names {
    aliases: BTreeMap<String, Target>,
    own: BTreeSet<String>,
}

impl Names {
    /// The names of a config: aliases, tiers and enabled models.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let tiers = config
            .tiers
            .iter()
            .map(|tier| Target::Tier(tier.name.clone()));
        let models = config
            .enabled_models()
            .map(|(_, model)| Target::Model(model.name.clone()));
        let own = tiers.chain(models).chain([Target::Auto]);
        Self {
            aliases: config.edge.aliases.clone(),
            own: own.map(|target| target.to_string()).collect(),
        }
    }

    /// The further names of the config, with what they lead to.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &Target)> {
        let aliases = self.aliases.iter();
        aliases.map(|(name, target)| (name.as_str(), target))
    }

    /// What `name` leads to.
    ///
    /// # Errors
    /// There is nothing of that name; the failure has the nearest one.
    pub fn find(&self, name: &str) -> Result<Target, Failure> {
        if let Some(target) = self.aliases.get(name) {
            return Ok(target.clone());
        }
        match Target::parse(name) {
            Ok(target) if self.own.contains(name) => Ok(target),
            _ => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> Failure {
        let shown: String = name.chars().take(128).filter(|c| !c.is_control()).collect();
        let known = self.aliases.keys().chain(&self.own);
        let near = known
            .map(|known| (strsim::jaro_winkler(known, &shown), known))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let hint = near.map_or_else(
            || ".".to_owned(),
            |(_, known)| format!(", did you mean `{known}`?"),
        );
        let text = format!(
            "no model is called `{shown}`{hint} GET /v1/models lists them; `terrace/auto` leaves \
             the choice to the router"
        );
        Failure::new(Reason::NotFound, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let yaml = "{tiers: {local_fast: {models: [{name: small, backend: ollama}, {name: off, \
                    backend: ollama, enabled: false}]}}, edge: {aliases: {gpt-4o: terrace/auto}}}";
        Names::from_config(&terrace_config::parse(yaml, "a.yaml", []).unwrap().config)
    }

    #[test]
    fn aliases_tiers_models_and_the_router_are_found() {
        let names = names();
        assert_eq!(names.find("gpt-4o"), Ok(Target::Auto));
        assert_eq!(names.find("terrace/auto"), Ok(Target::Auto));
        for name in ["terrace/local_fast", "small"] {
            assert_eq!(names.find(name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        for name in ["terrace/local_fats", "terrace/", "off", "", "a\u{7}b"] {
            let failure = names().find(name).unwrap_err();
            assert_eq!(failure.reason, Reason::NotFound);
            assert!(!failure.message.contains('\u{7}'));
        }
        let failure = names().find("terrace/local_fats").unwrap_err();
        assert!(
            failure
                .message
                .contains("did you mean `terrace/local_fast`?")
        );
        let failure = names().find("nothing-like-it").unwrap_err();
        let told = "`nothing-like-it`. GET /v1/models lists them";
        assert!(failure.message.contains(told), "{failure}");
    }
}
