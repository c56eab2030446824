use std::collections::HashMap;

use terrace_domain::Reason;
use terrace_proto::common::v1::{
    GenerationParams, Image, Message, Part, Role, Tool, ToolChoice, ToolResult, part, tool_choice,
};
use terrace_proto::convert::text_message;

use super::*;
use crate::testing;

fn reader() -> Reader {
    let limits = RequestLimits {
        max_prompt_bytes: 1000,
        max_messages: 4,
        max_stop_sequences: 2,
        max_stop_sequence_bytes: 8,
        max_tags: 2,
        max_tag_bytes: 16,
        max_output_tokens: 4096,
    };
    let project = ProjectName::new("default").unwrap();
    Reader::new(
        (testing::request().policy, described()),
        testing::rules().tiers,
        limits,
        project,
    )
}

/// A consensus as the config describes it; it is switched off.
fn described() -> Wish {
    Wish {
        models: ["a", "b"].map(|name| name.parse().unwrap()).to_vec(),
        threshold: Score::clamped(0.66),
        equivalence: None,
        by_request: false,
    }
}

fn good() -> wire::RouteRequest {
    wire::RouteRequest {
        messages: vec![text_message(Role::User, "what is a monad?")],
        ..wire::RouteRequest::default()
    }
}

/// The fields that a request is refused for.
fn refused(wire: wire::RouteRequest) -> Vec<String> {
    let failure = reader().read(wire).unwrap_err();
    assert_eq!(failure.reason, Reason::InvalidRequest);
    failure
        .fields
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

#[test]
fn an_empty_policy_is_filled_in_from_the_config() {
    let request = reader().read(good()).unwrap();
    assert_eq!(request.policy, testing::request().policy);
    assert_eq!(request.body, None);
}

#[test]
fn what_a_policy_sets_wins_over_the_config() {
    let mut wire = good();
    wire.policy = Some(wire::RoutePolicy {
        tier: "api_fallback".to_owned(),
        quality_threshold: Some(0.25),
        quality_check: Some(false),
        max_attempts: Some(1),
        max_cost_nano_usd: Some(0),
        on_exhausted: wire::OnExhausted::Strict.into(),
        ..wire::RoutePolicy::default()
    });
    let policy = reader().read(wire).unwrap().policy;
    assert_eq!(policy.tier, Some(testing::tier("api_fallback")));
    assert_eq!(policy.quality_threshold, Score::clamped(0.25));
    assert!(!policy.quality_check);
    assert_eq!(
        (policy.max_attempts, policy.max_cost),
        (1, Some(NanoUsd::ZERO))
    );
    assert_eq!(policy.on_exhausted, OnExhausted::Strict);
}

#[test]
fn every_bad_field_is_named_at_once() {
    let wire = wire::RouteRequest {
        request_id: "not-a-uuid".to_owned(),
        action: "\u{7}".to_owned(),
        messages: vec![],
        params: Some(GenerationParams {
            max_output_tokens: Some(0),
            temperature: Some(-1.0),
            top_p: Some(f64::NAN),
            ..GenerationParams::default()
        }),
        policy: Some(wire::RoutePolicy {
            tier: "penthouse".to_owned(),
            quality_threshold: Some(1.5),
            max_attempts: Some(0),
            max_cost_nano_usd: Some(-1),
            ..wire::RoutePolicy::default()
        }),
        ..wire::RouteRequest::default()
    };
    let fields = refused(wire);
    for field in [
        "request_id",
        "action",
        "messages",
        "params.max_output_tokens",
        "params.temperature",
        "params.top_p",
        "policy.tier",
        "policy.quality_threshold",
        "policy.max_attempts",
        "policy.max_cost_nano_usd",
    ] {
        assert!(
            fields.iter().any(|named| named == field),
            "{field} is not in {fields:?}"
        );
    }
}

#[test]
fn an_unknown_tier_is_answered_with_the_tiers_there_are() {
    let mut wire = good();
    wire.policy = Some(wire::RoutePolicy {
        allowed_tiers: vec!["penthouse".to_owned()],
        ..wire::RoutePolicy::default()
    });
    let failure = reader().read(wire).unwrap_err();
    assert_eq!(failure.fields[0].field, "policy.allowed_tiers[0]");
    assert!(
        failure
            .message
            .contains("local_fast, local_quality, api_fallback")
    );
}

#[test]
fn empty_blank_long_and_many_prompts_are_refused() {
    for text in ["", "  \n ", &"x".repeat(1001)] {
        let mut wire = good();
        wire.messages = vec![text_message(Role::User, text)];
        assert!(
            refused(wire)
                .iter()
                .all(|field| field.starts_with("messages"))
        );
    }
    let mut wire = good();
    wire.messages = vec![text_message(Role::User, "hi"); 5];
    assert_eq!(refused(wire), ["messages"]);
}

fn asking(consensus: wire::ConsensusPolicy) -> wire::RouteRequest {
    wire::RouteRequest {
        policy: Some(wire::RoutePolicy {
            consensus: Some(consensus),
            ..wire::RoutePolicy::default()
        }),
        ..good()
    }
}

#[test]
fn a_consensus_is_the_configs_where_the_request_says_nothing() {
    let read = |consensus| reader().read(asking(consensus)).unwrap().policy.consensus;
    let empty = read(wire::ConsensusPolicy::default()).unwrap();
    let by_request = true;
    assert_eq!(
        empty,
        Wish {
            by_request,
            ..described()
        }
    );
    let own = read(wire::ConsensusPolicy {
        models: vec!["c".to_owned(), "d".to_owned()],
        threshold: 1.0,
        equivalence: "number".to_owned(),
        off: false,
    });
    let own = own.unwrap();
    assert_eq!(own.models[1].as_str(), "d");
    assert_eq!(own.threshold, Score::ONE);
    assert_eq!(own.equivalence.unwrap().as_str(), "number");
    let off = wire::ConsensusPolicy {
        off: true,
        ..wire::ConsensusPolicy::default()
    };
    let mut reader = reader();
    reader.defaults.consensus = Some(described());
    let consensus = |wire| reader.read(wire).unwrap().policy.consensus;
    assert_eq!(consensus(good()), Some(described()));
    assert_eq!(consensus(asking(off)), None);
}

#[test]
fn a_consensus_that_makes_no_sense_is_refused_field_by_field() {
    let fields = refused(asking(wire::ConsensusPolicy {
        models: vec!["a".to_owned(), "a".to_owned(), "\u{7}".to_owned()],
        threshold: 1.5,
        equivalence: "vibes".to_owned(),
        off: false,
    }));
    let expected = [
        "policy.consensus.models[1]",
        "policy.consensus.models[2]",
        "policy.consensus.threshold",
        "policy.consensus.equivalence",
    ];
    assert_eq!(fields, expected);
    let one = wire::ConsensusPolicy {
        models: vec!["a".to_owned()],
        ..wire::ConsensusPolicy::default()
    };
    assert_eq!(refused(asking(one)), ["policy.consensus.models"]);
    let mut both = asking(wire::ConsensusPolicy::default());
    both.policy.as_mut().unwrap().model = "a".to_owned();
    assert_eq!(refused(both), ["policy.consensus"]);
    let off = wire::ConsensusPolicy {
        off: true,
        threshold: 0.5,
        ..wire::ConsensusPolicy::default()
    };
    assert_eq!(refused(asking(off)), ["policy.consensus.off"]);
}

#[test]
fn pictures_tools_and_choices_are_checked_like_everything_else() {
    let mut wire = good();
    wire.tools = vec![Tool::default()];
    wire.tool_choice = Some(ToolChoice {
        mode: tool_choice::Mode::Named.into(),
        tool_name: "other".to_owned(),
    });
    wire.messages[0].parts.push(Part {
        kind: Some(part::Kind::Image(Image::default())),
    });
    wire.params = Some(GenerationParams {
        top_logprobs: 21,
        reasoning_effort: Some("huge".to_owned()),
        ..GenerationParams::default()
    });
    let expected = [
        "messages[0].parts[1].image.media_type",
        "messages[0].parts[1].image.data",
        "params.top_logprobs",
        "params.reasoning_effort",
        "tools[0].name",
        "tool_choice.tool_name",
    ];
    assert_eq!(refused(wire), expected);
}

#[test]
fn a_conversation_may_end_with_the_result_of_a_tool() {
    let mut wire = good();
    let result = part::Kind::ToolResult(ToolResult {
        tool_call_id: "1".to_owned(),
        ..ToolResult::default()
    });
    wire.messages.push(Message {
        role: Role::Tool.into(),
        parts: vec![Part { kind: Some(result) }],
    });
    assert!(reader().read(wire).is_ok());
}

#[test]
fn messages_without_a_role_or_with_empty_parts_are_named_by_position() {
    let mut wire = good();
    wire.messages.insert(
        0,
        Message {
            role: 0,
            parts: vec![Part { kind: None }],
        },
    );
    assert_eq!(refused(wire), ["messages[0].role", "messages[0].parts[0]"]);
}

#[test]
fn tags_are_bounded_in_number_and_size() {
    let tags = |count: usize, bytes: usize| -> HashMap<String, String> {
        (0..count)
            .map(|index| (index.to_string(), "x".repeat(bytes)))
            .collect()
    };
    let mut wire = good();
    wire.tags = tags(3, 1);
    assert_eq!(refused(wire), ["tags"]);
    let mut wire = good();
    wire.tags = tags(1, 17);
    assert_eq!(refused(wire), ["tags"]);
    let mut wire = good();
    wire.tags = tags(2, 16);
    assert!(reader().read(wire).is_ok());
}

#[test]
fn a_prefix_has_a_length_of_its_own_or_the_usual_one() {
    let read = |mode: wire::CommitMode, prefix_tokens| {
        let read = reader().read_stream(wire::RouteStreamRequest {
            request: Some(good()),
            commit_mode: mode.into(),
            prefix_tokens,
        });
        read.map(|(_, commit)| commit)
    };
    let prefix = |tokens| Commit::Prefix { tokens };
    assert_eq!(read(wire::CommitMode::Prefix, 0).unwrap(), prefix(64));
    assert_eq!(read(wire::CommitMode::Prefix, 8).unwrap(), prefix(8));
    assert!(read(wire::CommitMode::Prefix, 5000).is_err());
    assert!(read(wire::CommitMode::HoldBack, 8).is_err());
    let unset = read(wire::CommitMode::Unspecified, 0).unwrap();
    assert_eq!(unset, Commit::HoldBack);
}
