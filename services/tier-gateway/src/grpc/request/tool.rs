//! Tools, and the choice between them.

use serde_json::Value;
use terrace_domain::Violations;
use terrace_proto::check;
use terrace_proto::common::v1 as common;
use terrace_proto::common::v1::tool_choice::Mode;

use crate::call::{Tool, ToolChoice};

/// Reads the tools and the choice.
pub(super) fn tools(
    tools: Vec<common::Tool>,
    choice: Option<common::ToolChoice>,
    wrong: &mut Violations,
) -> (Vec<Tool>, ToolChoice) {
    check::tools(&tools, "generation.tools", wrong);
    if let Some(choice) = &choice {
        check::tool_choice(choice, &tools, "generation.tool_choice", wrong);
    }
    let tools = tools.into_iter().map(|tool| Tool {
        schema: schema(&tool.parameters_json_schema),
        name: tool.name,
        description: tool.description,
    });
    (tools.collect(), choice.map(read_choice).unwrap_or_default())
}

/// The schema of the arguments; a tool without one takes none.
fn schema(text: &str) -> Value {
    let none = || serde_json::json!({"type": "object", "properties": {}});
    serde_json::from_str(text).unwrap_or_else(|_| none())
}

fn read_choice(choice: common::ToolChoice) -> ToolChoice {
    match choice.mode() {
        Mode::Unspecified | Mode::Auto => ToolChoice::Auto,
        Mode::None => ToolChoice::None,
        Mode::Required => ToolChoice::Required,
        Mode::Named => ToolChoice::Named(choice.tool_name),
    }
}
