//! Programs that nobody here wrote: the packages of OpenAI, Anthropic, `LangChain` and Vercel, from `PyPI` and
//! npm, against the edge, with keys, in both placements; and on a real model.

use std::path::Path;
use std::process::Command;

use terrace_e2e::Placement;
use terrace_e2e::running::Running;
use terrace_e2e::scenario::GOOD;
use terrace_e2e::tools::{ROOT, installed, printed};
use terrace_testkit::postgres::TestDatabase;
use terrace_testkit::provider::{Provider, Reply, Rule, Script};

use crate::real_model;

crate::in_both_placements!(the_packages_of_others_work);

const KEY: &str = "the operator's own key";

/// A model server that answers by the words of the prompt.
fn model_server() -> Provider {
    let call = Reply::text("").tool_call("get_weather", r#"{"city":"Paris"}"#);
    let rule = |word: &str, reply: Reply| Rule::replying([reply]).containing(word);
    let script = Script::serving(["small"])
        .rule(rule("sunny", Reply::text("It is sunny in Paris today.")))
        .rule(rule("weather", call))
        .rule(rule("json", Reply::text(r#"{"city": "Paris"}"#)))
        .otherwise(Reply::text(GOOD));
    Provider::start(script)
}

/// A model server that answers nothing at all.
fn faulty_server() -> Provider {
    Provider::start(Script::serving(["faulty"]).otherwise(Reply::status(500)))
}

fn config((good, faulty): (&Provider, &Provider), folder: &Path) -> String {
    let file = |name: &str, secret: &str| {
        let path = folder.join(name);
        std::fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let (pepper, root) = (
        file("pepper", "a pepper for tests alone"),
        file("root", KEY),
    );
    let (good, faulty) = (good.url(), faulty.url());
    format!(
        "tiers:\n\
         \x20 local_fast: {{models: [{{name: small, backend: good, capabilities: {{tools: true, json: \
         true, embeddings: true}}}}]}}\n\
         \x20 local_quality: {{models: [{{name: faulty, backend: faulty}}]}}\n\
         backends:\n\
         \x20 good: {{kind: openai, profile: llama_cpp, url: '{good}/v1'}}\n\
         \x20 faulty: {{kind: openai, profile: llama_cpp, url: '{faulty}/v1', breaker: {{failures: 1000}}}}\n\
         auth: {{required: true, pepper_file: '{pepper}', root_key_file: '{root}'}}\n\
         edge: {{aliases: {{gpt-4o: terrace/auto}}}}\n"
    )
}

async fn the_packages_of_others_work(placement: Placement) {
    let (database, good, faulty) = (TestDatabase::create(), model_server(), faulty_server());
    let folder = tempfile::tempdir().unwrap();
    let yaml = config((&good, &faulty), folder.path());
    let running = Running::up(placement, &yaml, &database).await.unwrap();
    let node = node_tests(&["openai", "anthropic", "ai"]);
    for mut command in [python_tests("tests/e2e/sdks"), node] {
        command.env("EDGE_KEY", KEY);
        let ran = passed(command, &running);
        assert!(ran.contains("Ran 2") || ran.contains("pass 16"), "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packages_of_others_work_on_a_real_model() {
    let (running, _database) = real_model::running().await;
    let ran = passed(python_tests("tests/e2e/sdks/real"), &running);
    assert!(ran.contains("Ran 3"), "{ran}");
    let ran = passed(node_tests(&["real/real"]), &running);
    assert!(ran.contains("pass 3"), "{ran}");
}

/// The tests of a folder, under the Python that has the packages.
fn python_tests(folder: &str) -> Command {
    let mut command = Command::new(installed("python-sdks").unwrap());
    command
        .args(["-m", "unittest", "discover", "--start-directory"])
        .arg(Path::new(ROOT).join(folder))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The tests of these files, under Node.js.
fn node_tests(names: &[&str]) -> Command {
    let mut command = Command::new(installed("node-sdks").unwrap());
    let folder = Path::new(ROOT).join("tests/e2e/sdks");
    command.args(["--test", "--test-reporter=tap"]);
    for name in names {
        command.arg(folder.join(format!("{name}.test.mjs")));
    }
    command
}

/// What the tests print; they have to pass.
fn passed(mut command: Command, running: &Running) -> String {
    let output = command
        .env("EDGE_URL", running.edge_url().unwrap())
        .output();
    let output = output.unwrap();
    let ran = printed(&output);
    assert!(output.status.success(), "{ran}\n{}", running.log());
    ran
}
