//! The dashboard in a real browser, with keys, in both placements: Playwright drives a Chromium without
//! a window, and axe-core looks at every page.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use terrace_e2e::Placement;
use terrace_e2e::running::Running;
use terrace_e2e::scenario::{GOOD, REFUSAL};
use terrace_e2e::tools::{ROOT, installed, printed};
use terrace_testkit::postgres::TestDatabase;
use terrace_testkit::provider::{Provider, Reply, Rule, Script};

crate::in_both_placements!(people_use_the_dashboard_in_a_browser);

const KEY: &str = "the operator's own key";
/// Slow enough to be seen while it comes.
const PACE: Duration = Duration::from_millis(150);

/// A small model that refuses and a large one that answers, word by word.
fn model_server() -> Provider {
    let answer = Reply::text(GOOD).timing(PACE, PACE);
    let script = Script::serving(["small", "big"])
        .rule(Rule::replying([Reply::text(REFUSAL)]).model("small"))
        .otherwise(answer);
    Provider::start(script)
}

fn config(server: &Provider, folder: &Path) -> String {
    let file = |name: &str, secret: &str| {
        let path = folder.join(name);
        std::fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let (pepper, root) = (
        file("pepper", "a pepper for tests alone"),
        file("root", KEY),
    );
    let url = server.url();
    format!(
        "tiers:\n\
         \x20 local_fast: {{models: [{{name: small, backend: local}}]}}\n\
         \x20 api_fallback: {{models: [{{name: big, backend: paid, price: {{input: 3, output: 15}}}}]}}\n\
         backends:\n\
         \x20 local: {{kind: openai, profile: llama_cpp, url: '{url}/v1'}}\n\
         \x20 paid: {{kind: openai, url: '{url}/v1', paid: true}}\n\
         cost_control: {{daily_budget: 5}}\n\
         auth: {{required: true, pepper_file: '{pepper}', root_key_file: '{root}'}}\n"
    )
}

/// Where the pictures of the pages go.
fn pictures(placement: Placement) -> PathBuf {
    let target = option_env!("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(ROOT).join("target"), PathBuf::from);
    target.join(format!("test-output/dashboard-{placement:?}").to_lowercase())
}

async fn people_use_the_dashboard_in_a_browser(placement: Placement) {
    let (database, server) = (TestDatabase::create(), model_server());
    let folder = tempfile::tempdir().unwrap();
    let yaml = config(&server, folder.path());
    let running = Running::up(placement, &yaml, &database).await.unwrap();
    let mut command = Command::new(installed("python-browser").unwrap());
    if placement == Placement::Split {
        command.env("LOOKS_KNOWN", "yes");
    }
    let output = command
        .arg(Path::new(ROOT).join("tests/e2e/browser/test_dashboard.py"))
        .env("EDGE_URL", running.edge_url().unwrap())
        .env("EDGE_KEY", KEY)
        .env("PICTURES", pictures(placement))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let ran = printed(&output);
    assert!(output.status.success(), "{ran}\n{}", running.log());
    assert!(ran.contains("Ran 9 tests"), "{ran}");
}
