//! A JSON Schema that an answer must satisfy.
//!
//! What callers send is bounded before it is compiled, see `bounds`. Nothing is ever fetched, and
//! patterns run on the linear engine: a caller's pattern meets a model's text here.

mod bounds;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// The longest schema.
const MAX_SCHEMA_BYTES: usize = 64 * 1024;
/// Memory that each of its regular expressions may take.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema(Validator);

/// A text that is no schema, or one that may not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    /// It has too many bytes.
    #[error("must have at most {MAX_SCHEMA_BYTES} bytes")]
    TooLong,
    /// It is not JSON.
    #[error("is no JSON: look at line {0}")]
    NotJson(usize),
    /// It nests too deep, or has too many parts.
    #[error("is too big with its references written out: use fewer levels, parts and patterns")]
    TooBig,
    /// It refers to something that is not there.
    #[error("may only refer to places in itself, as #/$defs/name, and rename none of them")]
    Reference,
    /// It is JSON and no schema.
    #[error("is no JSON Schema: look at {0:?}")]
    Malformed(String),
}

impl Schema {
    /// Compiles a schema given as JSON text.
    ///
    /// # Errors
    /// It is too long, too deep, too big, no JSON or no schema.
    pub fn compile(text: &str) -> Result<Self, InvalidSchema> {
        if text.len() > MAX_SCHEMA_BYTES {
            return Err(InvalidSchema::TooLong);
        }
        let schema: Value =
            serde_json::from_str(text).map_err(|error| InvalidSchema::NotJson(error.line()))?;
        if !(schema.is_object() || schema.is_boolean()) {
            return Err(InvalidSchema::Malformed("/".to_owned()));
        }
        bounds::check(&schema)?;
        let patterns = PatternOptions::regex()
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES);
        jsonschema::options()
            .with_pattern_options(patterns)
            .build(&schema)
            .map(Self)
            .map_err(|error| InvalidSchema::Malformed(error.instance_path().to_string()))
    }

    /// Where in the schema `value` fails first; `None` when it satisfies it.
    #[must_use]
    pub fn violated_by(&self, value: &Value) -> Option<String> {
        if self.0.is_valid(value) {
            return None;
        }
        let error = self.0.validate(value).err()?;
        Some(error.schema_path().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(value: &Value) -> Result<Schema, InvalidSchema> {
        Schema::compile(&value.to_string())
    }

    #[test]
    fn a_violation_is_named_by_its_place_in_the_schema() {
        let schema = schema(&json!({
            "type": "object", "required": ["age"],
            "properties": {"age": {"type": "integer", "minimum": 0}},
        }))
        .unwrap();
        assert_eq!(schema.violated_by(&json!({"age": 3})), None);
        let place = schema.violated_by(&json!({"age": "zanzibar"})).unwrap();
        assert_eq!(place, "/properties/age/type");
        assert_eq!(schema.violated_by(&json!({})).unwrap(), "/required");
    }

    #[test]
    fn what_is_no_schema_or_too_big_is_refused() {
        assert_eq!(Schema::compile("{").unwrap_err(), InvalidSchema::NotJson(1));
        assert_eq!(
            schema(&json!({"type": 7})).unwrap_err(),
            InvalidSchema::Malformed("/type".into())
        );
        assert!(matches!(
            schema(&json!([])),
            Err(InvalidSchema::Malformed(_))
        ));
        let long = format!("{{\"title\": \"{}\"}}", "x".repeat(MAX_SCHEMA_BYTES));
        assert_eq!(Schema::compile(&long).unwrap_err(), InvalidSchema::TooLong);
    }

    #[test]
    fn nothing_outside_the_schema_is_ever_fetched() {
        for reference in ["http://127.0.0.1:1/schema.json", "file:///etc/hostname"] {
            assert!(schema(&json!({"$ref": reference})).is_err(), "{reference}");
        }
    }

    #[test]
    fn patterns_that_would_backtrack_are_linear_or_refused() {
        let schema = schema(&json!({"pattern": "^(a+)+$"})).unwrap();
        assert!(
            schema
                .violated_by(&json!(format!("{}!", "a".repeat(50_000))))
                .is_some()
        );
    }

    #[test]
    fn schemas_that_refer_to_themselves_come_to_an_end() {
        for value in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        ] {
            if let Ok(schema) = schema(&value) {
                let _ = schema.violated_by(&json!({"a": 1}));
            }
        }
    }

    #[test]
    fn deep_answers_to_a_doubling_recursive_schema_come_to_an_end() {
        let step = json!({"properties": {"a": {"$ref": "#"}}});
        let schema = schema(&json!({
            "type": "object", "allOf": [step.clone(), step.clone(), {"anyOf": [step.clone(), step]}],
        }))
        .unwrap();
        let mut good = json!({});
        let mut bad = json!(7);
        for _ in 0..100 {
            good = json!({"a": good});
            bad = json!({"a": bad});
        }
        assert_eq!(schema.violated_by(&good), None);
        assert!(schema.violated_by(&bad).is_some());
    }
}
