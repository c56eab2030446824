//! Names of things: each its own type, so that a tier is never taken for a model.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name of anything.
const MAX_NAME_BYTES: usize = 128;

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no name: {why}")]
pub struct InvalidName {
    /// The refused text, cut to a printable length.
    pub text: String,
    /// The broken rule.
    pub why: &'static str,
}

fn check(text: &str) -> Result<(), InvalidName> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > MAX_NAME_BYTES {
        "it is longer than 128 bytes"
    } else if text.trim() != text {
        "it begins or ends with white space"
    } else if text.chars().any(char::is_control) {
        "it has a control character"
    } else {
        return Ok(());
    };
    Err(InvalidName {
        text: text.chars().take(MAX_NAME_BYTES).collect(),
        why,
    })
}

/// Defines a checked name type. Names go along with every call and row, so their clones share one
/// text.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks that `text` can be a name: 1 to 128 bytes, no control characters.
            ///
            /// # Errors
            /// [`InvalidName`] with the broken rule.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let text = text.as_ref();
                check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a tier, as `local_fast`.
    TierName
}
name! {
    /// The name of a backend in the config, as `ollama`.
    BackendName
}
name! {
    /// The name of a model as its backend knows it, as `llama3.2:3b`.
    ModelName
}
name! {
    /// What the caller is doing, as `edit_file`; free text.
    ActionName
}
name! {
    /// Who pays, as `team-search`.
    ProjectName
}
name! {
    /// The id of a key that calls come with.
    KeyId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_backends_put_into_them() {
        for text in ["llama3.2:3b", "Qwen/Qwen2.5-Coder-32B", "claude-sonnet-4"] {
            assert_eq!(ModelName::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn empty_long_padded_and_binary_texts_are_no_names() {
        for text in ["", " a", "a\n", "a\0b", &"x".repeat(129)] {
            assert!(TierName::new(text).is_err(), "{text:?}");
        }
    }
}
