//! Files of weights that cannot be used keep the classifier from starting, and say why.

use std::path::PathBuf;

use terrace_classifier::config::Settings;

fn refused(path: &str) -> String {
    let settings = Settings {
        weights: Some(PathBuf::from(path)),
        ..Settings::default()
    };
    terrace_classifier::build(settings).unwrap_err().to_string()
}

#[test]
fn a_file_that_is_not_there_or_is_another_is_named() {
    let missing = refused("no/such/file.trcw");
    assert!(
        missing.contains("no/such/file.trcw cannot be read"),
        "{missing}"
    );
    let other = refused(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(other.contains("does not begin with TRCW"), "{other}");
}

#[test]
fn the_shipped_file_can_be_named_too() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/weights/gain.trcw");
    let settings = Settings {
        weights: Some(PathBuf::from(shipped)),
        ..Settings::default()
    };
    assert!(terrace_classifier::build(settings).is_ok());
}
