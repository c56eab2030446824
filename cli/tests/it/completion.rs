//! Completion scripts.

use crate::{stdout, terrace};

#[test]
fn each_shell_learns_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&terrace(&["completion", shell]));
        assert!(script.contains("quality-check"), "{shell}");
    }
}
