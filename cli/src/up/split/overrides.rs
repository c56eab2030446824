//! Names of the environment variables that override a config's keys.

use std::collections::BTreeSet;

/// The variable that sets the key at `path`: `TERRACE__A__B` for `a.b`.
///
/// # Errors
/// A variable has letters, digits and single underscores alone; a key that cannot be spelled so.
pub(super) fn variable(path: &[&str]) -> anyhow::Result<String> {
    let mut variable = "TERRACE".to_owned();
    for key in path {
        let plain: String = key.chars().map(plain).collect();
        let is_clear = key.is_ascii()
            && !plain.contains("__")
            && !plain.starts_with('_')
            && !plain.ends_with('_');
        anyhow::ensure!(
            is_clear,
            "no environment variable can spell `{key}`, which --split needs: choose a name of \
             letters, digits and single dashes"
        );
        variable += "__";
        variable += &plain;
    }
    Ok(variable)
}

/// Checks that no two keys share a variable.
pub(super) fn distinct<'a>(variables: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for variable in variables {
        anyhow::ensure!(
            seen.insert(variable),
            "two backends differ in punctuation or case alone, which {variable} cannot tell \
             apart and --split needs: rename one"
        );
    }
    Ok(())
}

const fn plain(letter: char) -> char {
    if letter.is_ascii_alphanumeric() {
        return letter.to_ascii_uppercase();
    }
    '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_the_config_finds_them() {
        let name = variable(&["backends", "my-box.1", "gateway", "url"]).unwrap();
        assert_eq!(name, "TERRACE__BACKENDS__MY_BOX_1__GATEWAY__URL");
    }

    #[test]
    fn what_no_variable_can_spell_is_refused() {
        for key in ["a__b", "a-.b", "-a", "a_", "gro\u{df}"] {
            assert!(variable(&["backends", key]).is_err(), "{key}");
        }
        assert!(distinct(["A_B", "A_B"].into_iter()).is_err());
        assert!(distinct(["A", "B"].into_iter()).is_ok());
    }
}
