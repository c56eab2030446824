//! What a config comes to, as plain rows for whoever prints it.

use std::fmt;

use terrace_domain::{ModelName, TierName};

use crate::schema::{Backend, Config, Model, PriceSource};

/// One model as the config has it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its tier.
    pub tier: &'a TierName,
    /// The model, with its price.
    pub model: &'a Model,
    /// Its backend; none when no enabled model uses that.
    pub backend: Option<&'a Backend>,
}

impl Config {
    /// Every model, enabled or not, from the lowest tier to the highest.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.tiers.iter().flat_map(move |tier| {
            tier.models.iter().map(move |model| Row {
                tier: &tier.name,
                model,
                backend: self.backend(&model.backend),
            })
        })
    }
}

impl Row<'_> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &ModelName {
        &self.model.name
    }

    /// What one should know before relying on it, as `no key: set the variable X`; empty when
    /// there is nothing to say.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.model.enabled {
            remarks.push("disabled".to_owned());
        }
        if let Some(source) = self.backend.and_then(|backend| backend.api_key.missing()) {
            remarks.push(format!("not available: no key in {source}"));
        }
        if self.backend.is_some_and(|backend| backend.scripted) {
            remarks.push("scripted stand-in".to_owned());
        }
        if let PriceSource::ListPrice { as_of } = self.model.price_source {
            remarks.push(format!("list price of {as_of}"));
        }
        remarks
    }
}

impl fmt::Display for Row<'_> {
    /// One line, as `local_fast  llama3.2:3b  ollama (http://127.0.0.1:11434/)  free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}  {}  {}",
            self.tier, self.model.name, self.model.backend
        )?;
        if let Some(backend) = self.backend {
            write!(f, " ({})", backend.url)?;
        }
        let price = self.model.price;
        if price.is_free() {
            f.write_str("  free")?;
        } else {
            write!(
                f,
                "  {} in, {} out per million tokens",
                price.input, price.output
            )?;
        }
        for remark in self.remarks() {
            write!(f, "  [{remark}]")?;
        }
        Ok(())
    }
}
