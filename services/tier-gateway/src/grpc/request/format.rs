//! The form that the output must have.
//!
//! A form that no backend enforces (a regular expression, a choice) is let through: the judge is
//! the one who honours it.

use serde_json::Value;
use terrace_domain::Violations;
use terrace_proto::common::v1 as common;
use terrace_proto::common::v1::response_format::Kind;

use crate::call::Format;

/// Reads a form; `None` for free text.
pub(super) fn format(
    format: Option<common::ResponseFormat>,
    wrong: &mut Violations,
) -> Option<Format> {
    match format?.kind? {
        Kind::Json(common::JsonFormat {}) => Some(Format::Json),
        Kind::JsonSchema(schema) => json_schema(schema, wrong),
        Kind::Regex(_) | Kind::Choice(_) => None,
    }
}

fn json_schema(schema: common::JsonSchemaFormat, wrong: &mut Violations) -> Option<Format> {
    let field = "generation.response_format.json_schema.schema_json";
    match serde_json::from_str::<Value>(&schema.schema_json) {
        Ok(value) if value.is_object() || value.is_boolean() => {
            let name = if schema.name.is_empty() {
                "answer".to_owned()
            } else {
                schema.name
            };
            return Some(Format::Schema {
                name,
                schema: value,
                strict: schema.strict,
            });
        }
        Ok(_) => wrong.add(field, "must be a JSON object"),
        Err(_) => wrong.add(field, "must be JSON text"),
    }
    None
}
