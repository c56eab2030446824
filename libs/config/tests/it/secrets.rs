//! Secrets: found where they are named, never in the file, never printed.

use terrace_config::{Problems, Secret};

use crate::{parsed, problems};

const CANARY: &str = "sk-canary-0123456789";

fn backend_with(keys: &str) -> String {
    format!(
        "tiers: {{a: {{models: [{{name: m, backend: b}}]}}}}\n\
         backends: {{b: {{kind: openai, url: 'http://b/v1', {keys}}}}}"
    )
}

fn key_of(keys: &str, env: &[(&str, &str)]) -> Result<Secret, Problems> {
    let loaded = parsed(&backend_with(keys), env)?;
    Ok(loaded.config.backends[0].api_key.clone())
}

#[test]
fn a_key_comes_from_a_variable_a_file_or_an_override() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{CANARY}\n")).unwrap();
    let in_file = format!("api_key_file: '{}'", path.display());
    for (keys, env) in [
        ("api_key_env: MY_KEY", ("MY_KEY", CANARY)),
        (in_file.as_str(), ("UNUSED", "")),
        ("", ("TERRACE__BACKENDS__B__API_KEY", CANARY)),
        (
            "api_key_env: ABSENT",
            ("TERRACE__BACKENDS__B__API_KEY", CANARY),
        ),
    ] {
        use secrecy::ExposeSecret as _;
        let key = key_of(keys, &[env]).unwrap();
        assert_eq!(
            key.value().map(|key| key.expose_secret()),
            Some(CANARY),
            "{keys}"
        );
    }
}

#[test]
fn a_missing_key_loads_and_says_where_it_should_be() {
    let key = key_of("api_key_env: MY_KEY", &[]).unwrap();
    assert_eq!(key.missing(), Some("the variable MY_KEY"));
    let key = key_of("api_key_file: /nonexistent/key", &[]).unwrap();
    assert_eq!(key.missing(), Some("the file /nonexistent/key"));
    let key = key_of("api_key_file: /dev/zero", &[]).unwrap();
    assert_eq!(key.missing(), Some("the file /dev/zero"));
    assert!(matches!(
        key_of("scripted: false", &[]).unwrap(),
        Secret::Unset
    ));
}

#[test]
fn a_secret_in_the_file_is_a_problem_that_does_not_repeat_it() {
    for text in [
        backend_with(&format!("api_key: {CANARY}")),
        backend_with(&format!("api_key_env: {CANARY}")),
        format!("ledger: {{database_url: 'postgres://u:{CANARY}@h/d'}}"),
        format!("ledger: {{database_url: 'postgres://u@h/d?password={CANARY}'}}"),
        format!("ledger: {{database_url: '{CANARY}'}}"),
        format!("routing: {{cache_store: {{url: 'redis://:{CANARY}@h'}}}}"),
        format!("routing: {{cache_store: {{url: 'http://{CANARY}'}}}}"),
    ] {
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].contains(CANARY), "{problems:?}");
    }
}

#[test]
fn a_database_without_a_password_may_stand_in_the_file() {
    for url in [
        "postgres://u@h/d",
        "postgres:///terrace?host=/run/postgresql",
    ] {
        let loaded = parsed(&format!("ledger: {{database_url: '{url}'}}"), &[]).unwrap();
        assert!(loaded.config.ledger.database_url.value().is_some());
    }
}

#[test]
fn a_store_of_answers_is_found_as_the_database_is() {
    use secrecy::ExposeSecret as _;
    let store = |yaml: &str, env: &[(&str, &str)]| {
        let loaded = parsed(&format!("routing: {{cache_store: {yaml}}}"), env).unwrap();
        loaded.config.routing.cache_store
    };
    let unset = store("{}", &[]);
    assert!(matches!(unset.url, Secret::Unset));
    assert_eq!(unset.timeout, std::time::Duration::from_millis(100));
    let plain = store("{url: 'redis://h:6379/1', prefix: two, timeout: 20ms}", &[]);
    assert!(plain.url.value().is_some());
    assert_eq!((&*plain.prefix, plain.timeout.as_millis()), ("two", 20));
    let secret = "rediss://:sk-canary-0123456789@h";
    for (yaml, variable) in [
        ("{url_env: STORE}", "STORE"),
        ("{}", "TERRACE__ROUTING__CACHE_STORE__URL"),
    ] {
        let found = store(yaml, &[(variable, secret)]);
        let url = found.url.value().map(|url| url.expose_secret());
        assert_eq!(url, Some(secret));
        assert!(!format!("{found:?}").contains("canary"));
    }
    let missing = store("{url_env: STORE}", &[]);
    assert_eq!(missing.url.missing(), Some("the variable STORE"));
}

#[test]
fn naming_two_places_for_a_secret_is_a_problem() {
    let two = key_of("api_key_env: A, api_key_file: /b", &[]).unwrap_err();
    assert!(two.to_string().contains("give one of"), "{two}");
}

#[test]
fn nothing_that_prints_a_config_prints_a_secret() {
    let env = [
        ("MY_KEY", CANARY),
        (
            "TERRACE__LEDGER__DATABASE_URL",
            "postgres://u:sk-canary-0123456789@h/d",
        ),
    ];
    let loaded = parsed(&backend_with("api_key_env: MY_KEY"), &env).unwrap();
    assert!(loaded.config.ledger.database_url.value().is_some());
    let rows: String = loaded.config.rows().map(|row| row.to_string()).collect();
    assert!(!format!("{loaded:?} {loaded:#?} {rows}").contains("canary"));
}
