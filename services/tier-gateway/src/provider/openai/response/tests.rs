//! Streams as servers really send them, whole, in single bytes, and as noise.

use proptest::prelude::*;

use super::*;
use crate::provider::stream::Decode as _;
use crate::provider::stream::for_testing::{self, damaged};

const LLAMA_CPP: &str = r#"data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"chatcmpl-1","model":"smollm2-135m","object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hello ö"}}],"created":1,"id":"chatcmpl-1","model":"smollm2-135m","object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}],"created":1,"id":"chatcmpl-1","model":"smollm2-135m","object":"chat.completion.chunk"}

data: {"choices":[],"created":1,"id":"chatcmpl-1","model":"smollm2-135m","object":"chat.completion.chunk","usage":{"completion_tokens":4,"prompt_tokens":31,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":30}},"timings":{"cache_n":0}}

data: [DONE]

"#;

fn decode(bytes: &[u8], size: usize) -> Result<(Vec<Chunk>, bool), Fault> {
    for_testing::decode(ChatDecoder::default(), bytes, size)
}

fn one(data: &str) -> Result<Chunk, Fault> {
    let (mut chunks, _) = decode(format!("data: {data}\n\n").as_bytes(), usize::MAX)?;
    Ok(chunks.remove(0))
}

#[test]
fn a_whole_stream_is_the_same_in_whatever_pieces_it_comes() {
    for size in [1, 2, 3, 7, 64, LLAMA_CPP.len()] {
        let (chunks, terminated) = decode(LLAMA_CPP.as_bytes(), size).unwrap();
        let text: String = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(text, "Hello ö", "pieces of {size}");
        assert_eq!(chunks[2].finish, Some(Finish::Length));
        let usage = chunks[3].usage.unwrap();
        assert_eq!((usage.input, usage.output), (Some(31), Some(4)));
        assert_eq!(usage.cached_input, 30);
        assert_eq!(chunks[0].served_model.as_deref(), Some("smollm2-135m"));
        assert!(terminated);
    }
}

#[test]
fn names_are_told_once_and_again_when_they_change() {
    let event = |id: &str, model: &str| {
        format!("data: {{\"id\":\"{id}\",\"model\":\"{model}\",\"choices\":[]}}\n\n")
    };
    let stream = [
        ("a", "m"),
        ("a", "m"),
        ("", ""),
        ("a", "\\u006d"),
        ("b", "m"),
    ];
    let stream: String = stream.map(|(id, model)| event(id, model)).concat();
    let (chunks, _) = decode(stream.as_bytes(), 7).unwrap();
    let told = |name: fn(&Chunk) -> &Option<String>| -> Vec<Option<&str>> {
        chunks.iter().map(|chunk| name(chunk).as_deref()).collect()
    };
    let ids = told(|chunk| &chunk.response_id);
    assert_eq!(ids, [Some("a"), None, None, None, Some("b")]);
    let models = told(|chunk| &chunk.served_model);
    assert_eq!(models, [Some("m"), None, None, None, None]);
}

#[test]
fn usage_in_the_same_event_as_text_is_not_lost_with_it() {
    let chunk = one(
        r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":3,"completion_tokens":1}}"#
            .replace('\n', "")
            .as_str(),
    )
    .unwrap();
    assert_eq!(chunk.text, "x");
    assert_eq!(chunk.usage.unwrap().output, Some(1));
}

#[test]
fn reasoning_is_counted_and_kept_out_of_the_text() {
    let chunk = one(r#"{"choices":[{"delta":{"reasoning_content":"hmm"}}]}"#).unwrap();
    assert_eq!((chunk.text.as_str(), chunk.hidden_bytes), ("", 3));
}

#[test]
fn usage_of_null_or_of_nonsense_is_not_said() {
    for usage in ["null", "{}", "[]", r#"{"prompt_tokens":"many"}"#] {
        let chunk = one(&format!(r#"{{"choices":[],"usage":{usage}}}"#)).unwrap();
        assert_eq!(chunk.usage, None, "{usage}");
    }
}

#[test]
fn an_error_in_the_middle_is_a_fault_in_every_form() {
    let failed = Err(Fault::Failed {
        status: None,
        retry_after: None,
    });
    assert_eq!(one(r#"{"error":{"message":"boom","code":500}}"#), failed);
    assert_eq!(one(r#"{"error":"boom"}"#), failed);
    let named = decode(b"event: error\ndata: boom\n\n", 4);
    assert_eq!(named.map(|_| Chunk::default()), failed);
}

#[test]
fn what_is_no_chunk_is_found_where_it_is() {
    let fault = decode(b": hi\n\ndata: {\"oops\": \n\n", usize::MAX).unwrap_err();
    assert!(
        matches!(fault, Fault::Malformed { offset: 6, .. }),
        "{fault:?}"
    );
}

#[test]
fn what_came_before_a_fault_in_the_same_bytes_is_not_lost() {
    let mut decoder = ChatDecoder::default();
    decoder
        .push(b"data: {\"choices\":[{\"delta\":{\"content\":\"paid for\"}}]}\n\ndata: {oops\n\n");
    assert_eq!(decoder.next().unwrap().unwrap().text, "paid for");
    assert!(decoder.next().is_err());
}

#[test]
fn an_event_that_nobody_knows_is_passed_over_and_a_malformed_one_is_not() {
    let news = "event: news\ndata: not even JSON\n\n";
    let (chunks, terminated) = decode((news.to_owned() + LLAMA_CPP).as_bytes(), 9).unwrap();
    assert_eq!((chunks.len(), terminated), (4, true));
    assert!(decode(b"data: not even JSON\n\n", 9).is_err());
}

#[test]
fn half_an_event_at_the_end_is_not_blamed_on_the_protocol() {
    let (chunks, terminated) = decode(b"data: {\"choices\":[{\"del", usize::MAX).unwrap();
    assert_eq!((chunks, terminated), (vec![], false));
}

#[test]
fn an_object_instead_of_a_stream_is_an_error_or_malformed() {
    let failed = not_a_stream(br#"{"error":{"message":"boom"}}"#);
    assert!(matches!(failed, Fault::Failed { status: None, .. }));
    let other = not_a_stream(br#"{"choices":[]}"#);
    assert!(matches!(other, Fault::Malformed { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1usize..50) {
        let _ = decode(&bytes, size);
    }

    #[test]
    fn no_damage_to_a_real_stream_makes_it_panic(bytes in damaged(LLAMA_CPP), size in 1usize..50) {
        let _ = decode(&bytes, size);
    }
}

#[test]
fn an_answer_in_one_piece_is_one_chunk() {
    let body = br#"{"id":"chatcmpl-1","model":"m","choices":[{"index":0,"message":{"role":"assistant",
        "content":"Hi","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},
        "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    let chunk = whole(body).unwrap();
    assert_eq!(chunk.text, "Hi");
    assert_eq!(chunk.finish, Some(Finish::ToolCalls));
    assert_eq!(chunk.tool_calls[0].name.as_deref(), Some("f"));
    assert_eq!(chunk.usage.unwrap().input, Some(3));
}

#[test]
fn what_is_no_answer_in_one_piece_is_a_fault() {
    for body in [&b"hello"[..], b"{}", br#"{"choices":[]}"#, b"[]"] {
        assert!(matches!(whole(body), Err(Fault::Malformed { .. })));
    }
    let error = whole(br#"{"error":{"message":"overloaded","type":"server_error"}}"#);
    assert!(!matches!(error, Ok(_) | Err(Fault::Malformed { .. })));
}
