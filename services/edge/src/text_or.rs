//! Where an API takes a text or a list: `content`, `stop`, `input`.
//!
//! An untagged enum would do the same and say of every mistake that nothing fits; this one says
//! what is wrong and where.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// A text, or a list of items.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextOr<T> {
    Text(String),
    List(Vec<T>),
}

impl TextOr<String> {
    /// One text as a list of one.
    pub(crate) fn texts(self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(texts) => texts,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = TextOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(TextOr::List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_and_a_list_are_read_and_nothing_else() {
        let read = |json| serde_json::from_str::<TextOr<String>>(json);
        assert_eq!(read(r#""a""#).unwrap().texts(), ["a"]);
        assert_eq!(read(r#"["a", "b"]"#).unwrap().texts(), ["a", "b"]);
        assert!(
            read("1")
                .unwrap_err()
                .to_string()
                .contains("a text or a list")
        );
        assert!(
            read("[1]")
                .unwrap_err()
                .to_string()
                .contains("expected a string")
        );
    }
}
