//! A whole answer in chunks, as it leaves when it was held back.

use terrace_proto::common::v1::{ToolCall, ToolCallDelta};
use terrace_proto::router::v1::AnswerChunk;

use crate::answer::Answer;

/// Bytes of the answer in one chunk, cut at a character's boundary.
const CHUNK_BYTES: usize = 1024;

/// The chunks of an answer: its text, its log-probabilities behind that, its tool calls.
pub(super) fn chunks(answer: &Answer, attempt_index: u32) -> impl Iterator<Item = AnswerChunk> {
    let chunk = move || AnswerChunk {
        attempt_index,
        ..AnswerChunk::default()
    };
    let text = pieces(&answer.text).map(move |piece| AnswerChunk {
        text: piece.to_owned(),
        ..chunk()
    });
    let has_logprobs = !answer.logprobs.is_empty();
    let logprobs = has_logprobs.then(|| AnswerChunk {
        logprobs: answer.logprobs.clone(),
        ..chunk()
    });
    let calls = answer.tool_calls.iter().zip(0..);
    let calls = calls.map(move |(call, index)| AnswerChunk {
        tool_call: Some(whole_call(call, index)),
        ..chunk()
    });
    text.chain(logprobs).chain(calls)
}

fn whole_call(call: &ToolCall, index: u32) -> ToolCallDelta {
    ToolCallDelta {
        index,
        id: call.id.clone(),
        name: call.name.clone(),
        arguments_json: call.arguments_json.clone(),
    }
}

/// Cuts a text into pieces of at most [`CHUNK_BYTES`], never inside a character.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.floor_char_boundary(CHUNK_BYTES);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text_and_never_cut_a_character() {
        let text = "räuber und gendarm ".repeat(300);
        let pieces: Vec<_> = pieces(&text).collect();
        assert!(pieces.len() > 1);
        assert!(pieces.iter().all(|piece| piece.len() <= CHUNK_BYTES));
        assert_eq!(pieces.concat(), text);
    }

    #[test]
    fn an_empty_answer_has_no_chunks() {
        assert_eq!(chunks(&Answer::default(), 0).count(), 0);
    }

    #[test]
    fn tool_calls_leave_whole_one_a_chunk() {
        let call = |name: &str| ToolCall {
            name: name.to_owned(),
            ..ToolCall::default()
        };
        let answer = Answer {
            tool_calls: vec![call("a"), call("b")],
            ..Answer::default()
        };
        let calls: Vec<(u32, String)> = chunks(&answer, 3)
            .filter_map(|chunk| chunk.tool_call)
            .map(|call| (call.index, call.name))
            .collect();
        assert_eq!(calls, [(0, "a".to_owned()), (1, "b".to_owned())]);
    }
}
