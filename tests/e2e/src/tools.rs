//! Programs of others that tests run: grpcurl, a Python and a Node.js with the packages of OpenAI,
//! Anthropic and others, a Python with our own, and one with a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::ensure;

/// The project's folder.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Where the tool of this name is, as `scripts/tools.sh` knows it; it is installed when it is missing.
///
/// # Errors
/// It cannot be installed; the message has what the script said.
pub fn installed(name: &str) -> anyhow::Result<PathBuf> {
    let script = Path::new(ROOT).join("scripts/tools.sh");
    let output = Command::new(script).arg(name).output()?;
    ensure!(output.status.success(), "{}", printed(&output));
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// All that a program printed.
#[must_use]
pub fn printed(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}
