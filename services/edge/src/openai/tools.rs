//! Tools and the choice between them, as OpenAI's APIs have them.

use serde::Deserialize;
use serde_json::{Value, json};
use terrace_domain::Violations;
use terrace_proto::common::v1::tool_choice::Mode;
use terrace_proto::common::v1::{Tool, ToolChoice};

/// A tool that the model may call. Chat completions have its description under `function`,
/// responses beside the type.
#[derive(Debug, Deserialize)]
pub(super) struct Offered {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    function: Option<Function>,
    #[serde(flatten)]
    beside: Function,
}

#[derive(Debug, Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

/// The tools on the wire; those that are no functions are noted.
pub(super) fn wire(tools: Vec<Offered>, noted: &mut Violations) -> Vec<Tool> {
    let tools = tools.into_iter().enumerate();
    let tools = tools.map(|(index, tool)| {
        let kind = tool.kind.as_deref().unwrap_or("function");
        if kind != "function" {
            noted.add(
                format!("tools[{index}].type"),
                "has to be function: tools that the provider itself runs are not supported",
            );
        }
        let function = tool.function.unwrap_or(tool.beside);
        Tool {
            name: function.name.unwrap_or_default(),
            description: function.description.unwrap_or_default(),
            parameters_json_schema: match function.parameters {
                None | Some(Value::Null) => String::new(),
                Some(schema) => schema.to_string(),
            },
        }
    });
    tools.collect()
}

/// Tools as a response repeats them.
pub(super) fn echo(tools: &[Offered]) -> Value {
    let tools = tools.iter().map(|tool| {
        let function = tool.function.as_ref().unwrap_or(&tool.beside);
        json!({
            "type": "function",
            "name": function.name,
            "description": function.description,
            "parameters": function.parameters,
            "strict": function.strict,
        })
    });
    tools.collect()
}

/// Whether and which tool must be called.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Choice {
    Mode(String),
    Named(Named),
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    function: Option<Name>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

impl Choice {
    /// The choice as a response repeats it.
    pub(super) fn echo(&self) -> Value {
        match self {
            Self::Mode(mode) => json!(mode),
            Self::Named(named) => json!({"type": "function", "name": named.name}),
        }
    }

    /// The choice on the wire.
    ///
    /// # Errors
    /// It is one that nothing here has; says which there are.
    pub(super) fn wire(self) -> Result<ToolChoice, String> {
        let (mode, tool_name) = match self {
            Self::Mode(mode) => match mode.as_str() {
                "auto" => (Mode::Auto, String::new()),
                "none" => (Mode::None, String::new()),
                "required" => (Mode::Required, String::new()),
                _ => return Err("has to be auto, none, required or a function".to_owned()),
            },
            Self::Named(named) => {
                let name = named.function.map(|function| function.name);
                let name = name.or(named.name).ok_or("has to name a function")?;
                (Mode::Named, name)
            }
        };
        Ok(ToolChoice {
            mode: mode.into(),
            tool_name,
        })
    }
}
