//! `terrace config` and what a wrong config does to `up` and `serve`.

use crate::{stderr, stdout, terrace};

const GOOD: &str = "\
tiers:
  local_fast:
    models:
      - {name: llama3.2:3b, enabled: true}
  api_fallback:
    models:
      - {name: claude-sonnet-4-5}
cost_control: {daily_budget: 5.0}
";

const BAD: &str = "\
tiers:
  local_fast:
    models:
      - {name: llama3.2:3b, enbled: true}
routing:
  quality_threshold: 7
";

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn a_right_config_is_told_back_with_prices() {
    let file = file(GOOD);
    let output = terrace(&["config", "check", &file.path().display().to_string()]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(text.contains("no problems\n"), "{text}");
    let claude = text
        .lines()
        .find(|line| line.contains("claude-sonnet-4-5"))
        .unwrap();
    assert!(claude.contains("$3.00  $15.00"), "{claude}");
    assert!(text.contains("Daily budget: $5.000000"), "{text}");
}

#[test]
fn every_problem_of_a_wrong_config_is_told_at_once() {
    let file = file(BAD);
    let path = file.path().display().to_string();
    for args in [
        &["config", "check", path.as_str()][..],
        &["config", "show", &path],
        &["up", "--config", &path],
        &["serve", "classifier", "--config", &path],
    ] {
        let output = terrace(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(78), "{args:?}: {text}");
        assert!(
            text.contains(":4: ") && text.contains("did you mean `enabled`?"),
            "{text}"
        );
        assert!(text.contains(":6: routing.quality_threshold"), "{text}");
        assert!(stdout(&output).is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_a_problem() {
    let output = terrace(&["config", "check", "/no/such/file.yaml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("/no/such/file.yaml"));
}

#[test]
fn the_config_in_effect_shows_defaults_and_no_secret() {
    let output = terrace(&["config", "show"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(text.contains("quality_threshold"), "{text}");
}

#[test]
fn a_ledger_without_a_database_says_how_to_get_one() {
    let output = terrace(&["up", "--listen", "127.0.0.1:0"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("TERRACE__LEDGER__DATABASE_URL"), "{text}");
    assert!(text.contains("make up"), "{text}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = terrace(&["up", "--listen", &address]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains(&address) && text.contains("--listen"),
        "{text}"
    );
}
