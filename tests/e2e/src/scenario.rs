//! What a sandbox is made from: the config as YAML, and what the model servers say.
//!
//! Two model servers stand behind three tiers: a local one that speaks Ollama's wire and serves
//! `small` and `middle`, and a paid one that speaks OpenAI's and serves `big`.

use std::fmt::Write as _;

use terrace_testkit::clock::zone_with_noon_now;
use terrace_testkit::provider::{Reply, Rule, Script};

/// An answer that every check of the judge likes.
pub const GOOD: &str = "Paris is the capital of France, and it has been so for centuries.";
/// An answer that the judge takes for a refusal.
pub const REFUSAL: &str = "I'm sorry, but I can't help with that.";

/// A sandbox in the making.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the local server says.
    pub local: Script,
    /// What the paid server says.
    pub paid: Script,
    /// Price of one call of `small`, in USD.
    pub small_usd: Option<&'static str>,
    /// Whether `small` turns texts into vectors.
    pub small_embeds: bool,
    /// Price of one call of `big`, in USD.
    pub big_usd: &'static str,
    /// Hard cap of a day, in USD.
    pub daily_budget: Option<&'static str>,
    /// More lines under `routing:`.
    pub routing: Vec<String>,
    /// How long a hold lasts without a settlement.
    pub reservation_ttl: &'static str,
    /// More keys of the local backend, as `, key: value`.
    pub local_with: String,
    /// More keys of the paid one.
    pub paid_with: String,
    /// More lines under `ledger:`.
    pub ledger: Vec<String>,
    /// More lines under `telemetry:`.
    pub telemetry: Vec<String>,
    /// More lines at the end of the file.
    pub more: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            local: Script::serving(["small", "middle"]).otherwise(Reply::text(GOOD)),
            paid: Script::serving(["big"]).otherwise(Reply::text(GOOD)),
            small_usd: None,
            small_embeds: false,
            big_usd: "0.01",
            daily_budget: None,
            routing: Vec::new(),
            reservation_ttl: "60s",
            local_with: String::new(),
            paid_with: String::new(),
            ledger: Vec::new(),
            telemetry: Vec::new(),
            more: Vec::new(),
        }
    }
}

impl Scenario {
    /// Gives `small` these replies, one a call, the last for ever.
    #[must_use]
    pub fn small(mut self, replies: Vec<Reply>) -> Self {
        self.local = self.local.rule(Rule::replying(replies).model("small"));
        self
    }

    /// Gives `middle` these replies.
    #[must_use]
    pub fn middle(mut self, replies: Vec<Reply>) -> Self {
        self.local = self.local.rule(Rule::replying(replies).model("middle"));
        self
    }

    /// Gives `big` these replies.
    #[must_use]
    pub fn big(mut self, replies: Vec<Reply>) -> Self {
        self.paid = self.paid.rule(Rule::replying(replies).model("big"));
        self
    }

    /// Adds a line under `routing:`.
    #[must_use]
    pub fn routing(mut self, line: &str) -> Self {
        self.routing.push(line.to_owned());
        self
    }

    /// Adds a line under `telemetry:`.
    #[must_use]
    pub fn telemetry(mut self, line: &str) -> Self {
        self.telemetry.push(line.to_owned());
        self
    }

    /// Adds a line at the end of the file.
    #[must_use]
    pub fn more(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// The config file.
    pub(crate) fn yaml(&self, local_url: &str, paid_url: &str, otlp: &str) -> String {
        let mut yaml = String::from("tiers:\n  local_fast:\n    models:\n");
        let small_price = self
            .small_usd
            .map(|usd| format!(", price: {{input: 0, output: 0, per_request: {usd}}}"))
            .unwrap_or_default();
        let mut line = |text: &str| {
            // Writing to a string cannot fail.
            let _written = writeln!(yaml, "{text}");
        };
        let small_can = if self.small_embeds {
            ", capabilities: {embeddings: true}"
        } else {
            ""
        };
        line(&format!(
            "      - {{name: small, backend: local{small_price}{small_can}}}"
        ));
        line("  local_quality:\n    models:\n      - {name: middle, backend: local}");
        line("  api_fallback:\n    models:");
        line(&format!(
            "      - {{name: big, backend: paid, price: {{input: 0, output: 0, per_request: {}}}}}",
            self.big_usd
        ));
        line("backends:");
        line(&format!(
            "  local: {{kind: ollama, url: '{local_url}', idle_timeout: 2s{}}}",
            self.local_with
        ));
        line(&format!(
            "  paid: {{kind: openai, url: '{paid_url}/v1', paid: true, idle_timeout: 5s{}}}",
            self.paid_with
        ));
        line("routing:\n  default_deadline: 60s");
        for routing in &self.routing {
            line(&format!("  {routing}"));
        }
        if let Some(usd) = self.daily_budget {
            line(&format!("cost_control:\n  daily_budget: {usd}"));
            line(&format!("  time_zone: {}", zone_with_noon_now()));
        }
        line("ledger:\n  reaper_interval: 200ms");
        line(&format!("  reservation_ttl: {}", self.reservation_ttl));
        for ledger in &self.ledger {
            line(&format!("  {ledger}"));
        }
        line(&format!("telemetry:\n  otlp_endpoint: '{otlp}'"));
        for telemetry in &self.telemetry {
            line(&format!("  {telemetry}"));
        }
        for more in &self.more {
            line(more);
        }
        yaml
    }
}

/// A whole config file: these sections, the backends `local` and `paid`, and what tests need.
pub(crate) fn whole(sections: &str, local_url: &str, paid_url: &str, otlp: &str) -> String {
    let zone = format!("  time_zone: {}\n", zone_with_noon_now());
    let sections = sections.replace("cost_control:\n", &format!("cost_control:\n{zone}"));
    format!(
        "{sections}\
         backends:\n\
         \x20 local: {{kind: ollama, url: '{local_url}', idle_timeout: 2s}}\n\
         \x20 paid: {{kind: openai, url: '{paid_url}/v1', paid: true, idle_timeout: 5s}}\n\
         ledger: {{reaper_interval: 200ms, reservation_ttl: 60s}}\n\
         telemetry: {{otlp_endpoint: '{otlp}'}}\n"
    )
}
