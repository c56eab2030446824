//! Requests right and wrong, each wrong field by its name.

use terrace_domain::Reason;
use terrace_proto::convert::text_message;

use super::*;
use crate::call::{Format, Role};
use terrace_proto::common::v1::response_format::Kind;

fn good() -> Generation {
    Generation {
        model: "m".into(),
        messages: vec![
            text_message(common::Role::System, "Be brief."),
            text_message(common::Role::User, "Hi"),
        ],
        ..Generation::default()
    }
}

fn read(generation: Generation) -> Result<Call, Failure> {
    call(Some(generation), Limits(terrace_config::Limits::default()))
}

/// The wrong fields of what `change` makes of a good request.
fn wrong(change: impl FnOnce(&mut Generation)) -> Vec<String> {
    let mut generation = good();
    change(&mut generation);
    let Err(failure) = read(generation) else {
        return vec![];
    };
    assert_eq!(failure.reason, Reason::InvalidRequest);
    failure
        .fields
        .into_iter()
        .map(|field| field.field)
        .collect()
}

fn wrong_params(change: impl FnOnce(&mut common::GenerationParams)) -> Vec<String> {
    wrong(|generation| change(generation.params.get_or_insert_default()))
}

#[test]
fn a_good_request_keeps_its_roles_and_texts() {
    let call = read(good()).ok().unwrap();
    assert_eq!(call.turns[0].role, Role::System);
    assert_eq!(call.turns[1].text(), "Hi");
    assert_eq!(call.prompt_bytes(), 11);
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let failure = call(None, Limits(terrace_config::Limits::default()));
    let fields = failure.err().unwrap().fields;
    let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(
        names,
        ["generation", "generation.model", "generation.messages"]
    );
}

fn tool(name: &str, schema: &str) -> common::Tool {
    common::Tool {
        name: name.into(),
        parameters_json_schema: schema.into(),
        ..common::Tool::default()
    }
}

#[test]
fn tools_need_names_of_their_own_and_schemas() {
    let tools = vec![tool("a", "{}"), tool("a", "[]"), tool("a b", "")];
    assert_eq!(
        wrong(|g| g.tools = tools),
        [
            "generation.tools[1].name",
            "generation.tools[1].parameters_json_schema",
            "generation.tools[2].name"
        ]
    );
}

#[test]
fn a_choice_is_one_of_the_tools() {
    let choice = |name: &str| {
        Some(common::ToolChoice {
            mode: common::tool_choice::Mode::Named.into(),
            tool_name: name.into(),
        })
    };
    let unknown = wrong(|g| {
        g.tools = vec![tool("a", "{}")];
        g.tool_choice = choice("b");
    });
    assert_eq!(unknown, ["generation.tool_choice.tool_name"]);
    let mut generation = good();
    generation.tools = vec![tool("a", "{}")];
    generation.tool_choice = choice("a");
    let read = read(generation).ok().unwrap();
    assert_eq!(read.tool_choice, crate::call::ToolChoice::Named("a".into()));
}

#[test]
fn images_are_of_a_known_kind_and_from_the_user() {
    let part = |media_type: &str| common::Part {
        kind: Some(common::part::Kind::Image(common::Image {
            data: vec![1],
            media_type: media_type.into(),
        })),
    };
    assert_eq!(
        wrong(|g| g.messages[1].parts.push(part("text/html"))),
        ["generation.messages[1].parts[1].image.media_type"]
    );
    assert_eq!(
        wrong(|g| g.messages[0].parts.push(part("image/png"))),
        ["generation.messages[0].parts[1]"]
    );
}

#[test]
fn an_effort_has_one_of_three_words() {
    let effort = Some("much".into());
    assert_eq!(
        wrong_params(|p| p.reasoning_effort = effort),
        ["generation.params.reasoning_effort"]
    );
    assert_eq!(
        wrong_params(|p| p.top_logprobs = 21),
        ["generation.params.top_logprobs"]
    );
}

#[test]
fn numbers_outside_their_range_are_refused_and_so_is_what_is_no_number() {
    for (temperature, ok) in [(0.0, true), (2.0, true), (-0.1, false), (f64::NAN, false)] {
        let found = wrong_params(|p| p.temperature = Some(temperature));
        assert_eq!(found.is_empty(), ok, "{temperature}");
    }
    assert_eq!(
        wrong_params(|p| p.top_p = Some(0.0)),
        ["generation.params.top_p"]
    );
    assert_eq!(
        wrong_params(|p| p.max_output_tokens = Some(0)),
        ["generation.params.max_output_tokens"]
    );
    assert_eq!(
        wrong_params(|p| p.top_k = Some(0)),
        ["generation.params.top_k"]
    );
    assert_eq!(
        wrong_params(|p| p.stop = vec!["END".into(), String::new()]),
        ["generation.params.stop[1]"]
    );
}

#[test]
fn a_message_needs_a_role_and_something_to_say() {
    assert_eq!(
        wrong(|g| g.messages.push(common::Message::default())),
        [
            "generation.messages[2].role",
            "generation.messages[2].parts"
        ]
    );
    assert_eq!(
        wrong(|g| g.messages[1].role = common::Role::Tool.into()),
        ["generation.messages[1].parts[0]"]
    );
}

#[test]
fn a_prompt_of_any_size_is_refused_above_the_limit() {
    let large = text_message(common::Role::User, "x".repeat(2 << 20));
    assert_eq!(wrong(|g| g.messages.push(large)), ["generation.messages"]);
}

#[test]
fn a_schema_has_to_be_one_and_other_forms_are_left_to_the_judge() {
    let schema = |text: &str| {
        let schema = common::JsonSchemaFormat {
            schema_json: text.into(),
            ..common::JsonSchemaFormat::default()
        };
        let kind = Some(Kind::JsonSchema(schema));
        Some(common::ResponseFormat { kind })
    };
    let field = "generation.response_format.json_schema.schema_json";
    for text in ["", "{", "[]", "1"] {
        assert_eq!(
            wrong(|g| g.response_format = schema(text)),
            [field],
            "{text}"
        );
    }
    let mut generation = good();
    generation.response_format = schema("{}");
    let format = read(generation).ok().unwrap().format.unwrap();
    assert!(matches!(format, Format::Schema { name, strict: false, .. } if name == "answer"));
    let mut generation = good();
    let kind = Some(Kind::Regex("a+".into()));
    generation.response_format = Some(common::ResponseFormat { kind });
    assert_eq!(read(generation).ok().unwrap().format, None);
}
