//! Streams as Anthropic's documents show them, whole, in pieces and damaged.

use proptest::prelude::*;

use super::*;
use crate::provider::stream::for_testing::{self, damaged};

const TEXT: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":100,"cache_creation_input_tokens":10,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüß"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" dich"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const TOOL: &str = r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"NAME","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}

data: {"type":"message_stop"}

"#;

fn decode(by_tool: bool, bytes: &[u8], size: usize) -> Result<(Vec<Chunk>, bool), Fault> {
    for_testing::decode(MessageDecoder::for_answer(by_tool), bytes, size)
}

fn text(chunks: &[Chunk]) -> String {
    chunks.iter().map(|chunk| chunk.text.as_str()).collect()
}

#[test]
fn a_whole_stream_is_the_same_in_whatever_pieces_it_comes() {
    for size in [1, 3, 17, TEXT.len()] {
        let (chunks, terminated) = decode(false, TEXT.as_bytes(), size).unwrap();
        assert_eq!(text(&chunks), "Grüß dich", "pieces of {size}");
        assert!(terminated);
        let usage = chunks.iter().rev().find_map(|chunk| chunk.usage).unwrap();
        assert_eq!((usage.input, usage.output), (Some(135), Some(15)));
        assert_eq!((usage.cached_input, usage.cache_write), (100, 10));
        let finish = chunks.iter().find_map(|chunk| chunk.finish);
        assert_eq!(finish, Some(Finish::Stop));
        assert_eq!(chunks[0].served_model.as_deref(), Some("claude-sonnet-4-5"));
    }
}

#[test]
fn a_tool_call_comes_in_pieces_and_thinking_is_counted() {
    let (chunks, _) = decode(false, TOOL.replace("NAME", "find").as_bytes(), 50).unwrap();
    let pieces: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.tool_calls).collect();
    assert_eq!(pieces[0].name.as_deref(), Some("find"));
    let arguments: String = pieces
        .iter()
        .map(|piece| piece.arguments.as_str())
        .collect();
    assert_eq!(arguments, r#"{"a":1}"#);
    assert_eq!(
        chunks.iter().map(|chunk| chunk.hidden_bytes).sum::<u64>(),
        2
    );
    assert_eq!(
        chunks.iter().find_map(|c| c.finish),
        Some(Finish::ToolCalls)
    );
}

#[test]
fn the_input_of_the_answer_tool_is_the_answer() {
    let (chunks, _) = decode(true, TOOL.replace("NAME", ANSWER_TOOL).as_bytes(), 50).unwrap();
    assert_eq!(text(&chunks), r#"{"a":1}"#);
    assert!(chunks.iter().all(|chunk| chunk.tool_calls.is_empty()));
    assert_eq!(chunks.iter().find_map(|c| c.finish), Some(Finish::Stop));
}

#[test]
fn errors_noise_and_ends_are_told_apart() {
    let overloaded = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let fault = decode(false, overloaded, 7).unwrap_err();
    assert_eq!(fault, Fault::RateLimited { retry_after: None });
    let noise = decode(false, b": hi\n\ndata: {oops\n\n", 4).unwrap_err();
    assert!(
        matches!(noise, Fault::Malformed { offset: 6, .. }),
        "{noise:?}"
    );
    let (_, terminated) = decode(false, b"data: {\"type\":\"message_sto", 4).unwrap();
    assert!(!terminated);
}

#[test]
fn events_and_blocks_that_nobody_knows_are_passed_over() {
    let news = "event: news\ndata: not even JSON\n\ndata: {\"type\":\"news\"}\n\n";
    let (chunks, terminated) = decode(false, (news.to_owned() + TEXT).as_bytes(), 9).unwrap();
    assert_eq!((text(&chunks).as_str(), terminated), ("Grüß dich", true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..50) {
        let _ = decode(true, &bytes, size);
    }

    #[test]
    fn no_damage_to_a_real_stream_makes_it_panic(bytes in damaged(TOOL), size in 1usize..80, by_tool: bool) {
        let _ = decode(by_tool, &bytes, size);
    }
}
