//! The table of errors in the docs against the one in the code.

use terrace_domain::{Fault, Reason};
use terrace_rpc::status::code;

#[test]
fn the_manual_has_every_reason_as_the_code_has_it() {
    let manual = include_str!("../../../../docs/ERRORS.md");
    let rows: Vec<Vec<&str>> = manual
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), Reason::ALL.len());
    for (row, reason) in rows.iter().zip(Reason::ALL) {
        let fault = match reason.fault() {
            Fault::Caller => "caller",
            Fault::Policy => "policy",
            Fault::Backend => "backend",
            Fault::Terrace => "terrace",
        };
        let next = if reason.may_fall_back() { "yes" } else { "no" };
        let name = format!("`{reason}`");
        let code = format!("`{}`", screaming(&format!("{:?}", code(*reason))));
        assert_eq!(row[1..5], [name.as_str(), &code, fault, next]);
        assert!(row[5].len() > 10, "{reason}: says what to do");
    }
}

/// `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}
