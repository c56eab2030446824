//! `buf lint` over the protos, with the rules that stand in `proto/buf.yaml`.
//!
//! buf is no Rust program: `scripts/tools.sh buf` finds it on the PATH or installs it under
//! `target/tools`. Without it this check fails and says so; it is never skipped in silence.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::finding::Finding;

/// Exit code of buf when it ran well and found something.
const FOUND_SOMETHING: i32 = 100;

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let buf = find_buf(root)?;
    let output = Command::new(&buf)
        .current_dir(root)
        .args(["lint", "proto", "--error-format", "text"])
        .output()
        .with_context(|| format!("cannot run {}", buf.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let code = output.status.code();
    ensure!(
        output.status.success() || code == Some(FOUND_SOMETHING),
        "buf lint failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(text.lines().filter_map(finding_of).collect())
}

fn find_buf(root: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new(root.join("scripts/tools.sh"))
        .arg("buf")
        .output()
        .context("cannot run scripts/tools.sh")?;
    ensure!(
        output.status.success(),
        "scripts/tools.sh finds no buf: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Reads one line of buf's answer: `path:line:column:message`.
fn finding_of(line: &str) -> Option<Finding> {
    let mut parts = line.splitn(4, ':');
    let path = parts.next()?;
    let number = parts.next()?.parse().ok()?;
    let message = parts.nth(1)?;
    Some(Finding::new(path, number, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_buf_becomes_a_finding() {
        let line = "proto/a/v1/a.proto:7:3:Field \"b\" should have a comment: add one.";
        let finding = finding_of(line).unwrap();
        assert_eq!(
            finding.to_string(),
            "proto/a/v1/a.proto:7: Field \"b\" should have a comment: add one."
        );
        assert_eq!(finding_of("not a finding"), None);
    }
}
