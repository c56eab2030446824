//! A Terrace with everything switched on that could remember something, and its secrets.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use terrace_e2e::{Placement, Sandbox, Scenario};
use terrace_testkit::ports::lasting_port;
use terrace_testkit::provider::{Fault, Reply, Rule};

use super::gossip;

/// Texts that stand in one place each and are found nowhere else.
pub(super) const PROMPT: &str = "canary-prompt-5d1e07";
pub(super) const SYSTEM: &str = "canary-system-1b77c2";
pub(super) const TOOL: &str = "canary-tool-90aa3f";
pub(super) const ARGUMENTS: &str = "canary-arguments-c41b86";
pub(super) const RESULT: &str = "canary-result-7e02d9";
pub(super) const METADATA: &str = "canary-metadata-3f6a18";
pub(super) const ANSWER: &str = "canary-answer-a8d350";
pub(super) const BODY: &str = "canary-body-62ce9b";
pub(super) const WRONG_KEY: &str = "tk_canary-wrong-key-04f7e1";
pub(super) const ROOT_KEY: &str = "canary-root-key-d2936c";
pub(super) const PEPPER: &str = "canary-pepper-of-this-test-8b15fa";
pub(super) const PROVIDER_KEY: &str = "sk-canary-provider-key-e7704d";

/// All of them.
pub(super) const ALL: [&str; 12] = [
    PROMPT,
    SYSTEM,
    TOOL,
    ARGUMENTS,
    RESULT,
    METADATA,
    ANSWER,
    BODY,
    WRONG_KEY,
    ROOT_KEY,
    PEPPER,
    PROVIDER_KEY,
];

/// Said in a question, it makes the small model fail and tell everything.
pub(super) const SMALL_FAILS: &str = "trip the small one";
/// Said in a question, it makes the small model refuse.
pub(super) const SMALL_REFUSES: &str = "ask for what is refused";
/// Said in a question, it makes the paid model refuse its key and tell everything.
pub(super) const BIG_FAILS: &str = "trip the big one";

/// Said in a question, it makes whichever local model is asked take its time.
pub(super) const LOCAL_WAITS: &str = "take your time";

/// What runs, and where it might remember.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// Where spool and snapshots are.
    pub(super) folder: TempDir,
    /// Where each part shows its metrics.
    metrics: Vec<u16>,
    placement: Placement,
}

impl Stage {
    pub(super) async fn start(placement: Placement, log_format: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let judge = gossip::start().await;
        let metrics: Vec<u16> = (0..6).map(|_| lasting_port().unwrap()).collect();
        let scenario = scenario(folder.path(), &metrics)
            .telemetry("log_filter: debug")
            .telemetry(&format!("log_format: {log_format}"))
            .more(&format!(
                "judge: {{external: [{{name: gossip, url: 'http://{judge}', hard: true}}]}}"
            ));
        let sandbox = Sandbox::start(placement, scenario).await.unwrap();
        Self {
            sandbox,
            folder,
            metrics,
            placement,
        }
    }

    /// Addresses of all metrics.
    pub(super) fn metrics(&self) -> Vec<String> {
        let edge = self.sandbox.edge_url().unwrap();
        let own = self
            .metrics
            .iter()
            .map(|port| format!("http://127.0.0.1:{port}/metrics"));
        match self.placement {
            // One process has one registry.
            Placement::InProcess => vec![format!("{edge}/metrics")],
            Placement::Split => own.chain([format!("{edge}/metrics")]).collect(),
        }
    }
}

fn secret(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn scenario(folder: &Path, metrics: &[u16]) -> Scenario {
    let secrets = folder.join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    let file = |name, text| secret(&secrets, name, text);
    let listen = |place: usize| format!("metrics_listen: '127.0.0.1:{}'", metrics[place]);
    let (pepper, root) = (file("pepper", PEPPER), file("root", ROOT_KEY));
    let key = file("provider", PROVIDER_KEY);
    let mut scenario = Scenario {
        local_with: format!(", gateway: {{{}}}", listen(0)),
        paid_with: format!(", api_key_file: '{key}', gateway: {{{}}}", listen(1)),
        ..models()
    };
    let at = folder.display();
    scenario = scenario
        .routing(&format!(
            "learning: {{enabled: true, folder: '{at}/learned', snapshot_every: 1}}"
        ))
        .more(&format!(
            "auth: {{required: true, pepper_file: '{pepper}', root_key_file: '{root}'}}"
        ))
        .more(&format!(
            "services: {{orchestrator: {{{}}}, classifier: {{{}}}, quality_judge: {{{}}}, \
             cost_ledger: {{{}}}}}",
            listen(2),
            listen(3),
            listen(4),
            listen(5)
        ));
    scenario
        .ledger
        .push(format!("spool: {{folder: '{at}/spool'}}"));
    scenario
}

fn models() -> Scenario {
    let mut scenario = Scenario::default();
    let good = Reply::text(format!(
        "Paris is the capital of France, and {ANSWER} has been so for centuries."
    ));
    let late = good.clone().timing(Duration::from_secs(2), Duration::ZERO);
    let refused = Reply::text(format!("I'm sorry, but I can't help with {ANSWER}."));
    let says = |code| {
        Reply::text("").fault(Fault::Status {
            code,
            retry_after: None,
            body: Some(serde_json::json!({
                "error": {"message": format!("{BODY} {PROVIDER_KEY} {PROMPT}"), "type": BODY, "code": BODY}
            })),
        })
    };
    let small = |reply, when| Rule::replying([reply]).model("small").containing(when);
    scenario.local = scenario
        .local
        .rule(small(says(500), SMALL_FAILS))
        .rule(small(refused, SMALL_REFUSES))
        .rule(Rule::replying([late]).containing(LOCAL_WAITS))
        .otherwise(good.clone());
    scenario.paid = scenario
        .paid
        .rule(Rule::replying([says(401)]).containing(BIG_FAILS))
        .otherwise(good);
    scenario
}
