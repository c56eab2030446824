//! The form of an output, as OpenAI's APIs ask for it.

use serde::Deserialize;
use serde_json::Value;
use terrace_proto::common::v1::{
    JsonFormat, JsonSchemaFormat, ResponseFormat, response_format::Kind,
};

/// The form that is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Format {
    #[serde(rename = "type")]
    kind: String,
    /// In chat completions.
    #[serde(default)]
    json_schema: Option<Schema>,
    /// In responses, which have the schema beside the type.
    #[serde(flatten)]
    beside: Schema,
}

#[derive(Debug, Default, Deserialize)]
struct Schema {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

impl Format {
    /// The form on the wire; none for free text.
    ///
    /// # Errors
    /// It is a form that nothing here has; says which there are.
    pub(super) fn wire(self) -> Result<Option<ResponseFormat>, String> {
        let kind = match self.kind.as_str() {
            "text" => return Ok(None),
            "json_object" => Kind::Json(JsonFormat {}),
            "json_schema" => {
                let schema = self.json_schema.unwrap_or(self.beside);
                let text = schema.schema.ok_or("needs a `schema`")?;
                Kind::JsonSchema(JsonSchemaFormat {
                    name: schema.name.unwrap_or_default(),
                    schema_json: text.to_string(),
                    strict: schema.strict.unwrap_or(false),
                })
            }
            _ => return Err("has to be of type text, json_object or json_schema".to_owned()),
        };
        Ok(Some(ResponseFormat { kind: Some(kind) }))
    }
}
