//! The stream of `POST /api/chat`, line by line.
//!
//! The last line says `done` and carries the counts; the count of the prompt is missing when all
//! of it was cached.

use serde::Deserialize;
use serde_json::Value;

use super::super::complaint::Complaint;
use super::super::lines::Line;
use super::super::logprobs::tokens;
use super::super::ndjson::NdJson;
use super::super::stream::Decode;
use super::super::{Chunk, Reported};
use crate::call::{Finish, ToolCallDelta};
use crate::error::Fault;

/// Understands the stream.
#[derive(Debug, Default)]
pub(in crate::provider) struct ChatDecoder {
    lines: NdJson,
    terminated: bool,
    /// How many tool calls have come.
    tool_calls: u32,
}

impl Decode for ChatDecoder {
    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    fn next(&mut self) -> Result<Option<Chunk>, Fault> {
        if self.terminated {
            return Ok(None);
        }
        let line = self.lines.next()?;
        let reply = line.map(read).transpose()?;
        Ok(reply.map(|reply| self.take(reply)))
    }

    fn rest(&mut self) -> Result<Option<Chunk>, Fault> {
        let Some(line) = self.lines.rest()? else {
            return Ok(None);
        };
        match read(line) {
            // Half a line is what a cut answer ends with; that is no offence in itself.
            Err(Fault::Malformed { .. }) => Ok(None),
            reply => Ok(Some(self.take(reply?))),
        }
    }

    fn is_terminated(&self) -> bool {
        self.terminated
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    logprobs: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

/// A whole call: Ollama sends no pieces of them, and no ids before 0.12.
#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl ToolCall {
    fn delta(self, index: u32) -> ToolCallDelta {
        let id = self.id.filter(|id| !id.is_empty());
        ToolCallDelta {
            index,
            id: Some(id.unwrap_or_else(|| format!("call-{index}"))),
            name: Some(self.function.name),
            arguments: self.function.arguments.to_string(),
        }
    }
}

fn read(line: Line<'_>) -> Result<Reply, Fault> {
    let reply: Reply = serde_json::from_str(line.text).map_err(|_| Fault::Malformed {
        offset: line.offset,
        what: "a line that is no piece of a chat",
    })?;
    if reply.error.is_some() {
        return Err(Complaint::read(line.text.as_bytes()).inside_answer());
    }
    Ok(reply)
}

impl ChatDecoder {
    fn take(&mut self, reply: Reply) -> Chunk {
        self.terminated = reply.done;
        self.chunk(reply)
    }

    fn chunk(&mut self, reply: Reply) -> Chunk {
        let message = reply.message.unwrap_or_default();
        let counted = reply.prompt_eval_count.is_some() || reply.eval_count.is_some();
        let calls = message.tool_calls.unwrap_or_default();
        let tool_calls = calls.into_iter().zip(self.tool_calls..);
        let tool_calls: Vec<_> = tool_calls.map(|(call, index)| call.delta(index)).collect();
        self.tool_calls += u32::try_from(tool_calls.len()).unwrap_or(u32::MAX);
        let finish = reply
            .done
            .then(|| match finish(reply.done_reason.as_deref()) {
                // It says `stop` for those as well.
                Finish::Stop if self.tool_calls > 0 => Finish::ToolCalls,
                finish => finish,
            });
        Chunk {
            text: message.content.unwrap_or_default(),
            tool_calls,
            logprobs: reply.logprobs.as_ref().map(tokens).unwrap_or_default(),
            hidden_bytes: message.thinking.map_or(0, |text| text.len() as u64),
            usage: counted.then_some(Reported {
                input: reply.prompt_eval_count,
                output: reply.eval_count,
                ..Reported::default()
            }),
            finish,
            served_model: reply.model.filter(|name| !name.is_empty()),
            response_id: None,
        }
    }
}

fn finish(reason: Option<&str>) -> Finish {
    match reason {
        // Before 0.1.45 there was no reason, and an end was a stop.
        None | Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some(_) => Finish::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stream::for_testing::{self, damaged};
    use proptest::prelude::*;

    const CHAT: &str = r#"{"model":"llama3.2","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Grüß"},"done":false}
{"model":"llama3.2","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":" dich","thinking":"hm"},"done":false}
{"model":"llama3.2","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":1,"prompt_eval_count":26,"eval_count":2}
"#;

    fn decode(bytes: &[u8], size: usize) -> Result<(Vec<Chunk>, bool), Fault> {
        for_testing::decode(ChatDecoder::default(), bytes, size)
    }

    #[test]
    fn a_whole_stream_is_the_same_in_whatever_pieces_it_comes() {
        for size in [1, 2, 5, 100, CHAT.len()] {
            let (chunks, terminated) = decode(CHAT.as_bytes(), size).unwrap();
            let text: String = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
            assert_eq!(text, "Grüß dich", "pieces of {size}");
            assert_eq!(chunks[1].hidden_bytes, 2);
            assert_eq!(chunks[2].finish, Some(Finish::Stop));
            let usage = chunks[2].usage.unwrap();
            assert_eq!((usage.input, usage.output), (Some(26), Some(2)));
            assert!(terminated);
        }
    }

    #[test]
    fn a_cached_prompt_has_no_count() {
        let line = br#"{"done":true,"eval_count":2}"#;
        let (chunks, _) = decode(line, usize::MAX).unwrap();
        let usage = chunks[0].usage.unwrap();
        assert_eq!((usage.input, usage.output), (None, Some(2)));
    }

    #[test]
    fn errors_and_noise_are_told_apart() {
        let failed = decode(b"{\"error\":\"boom\"}\n", 3).unwrap_err();
        assert!(matches!(failed, Fault::Failed { status: None, .. }));
        let noise = decode(b"{}\n{\"oops\": \n", 3).unwrap_err();
        assert!(matches!(noise, Fault::Malformed { offset: 3, .. }));
        let (_, terminated) = decode(b"{\"done\":fal", 3).unwrap();
        assert!(!terminated);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1usize..50) {
            let _ = decode(&bytes, size);
        }

        #[test]
        fn no_damage_to_a_real_stream_makes_it_panic(bytes in damaged(CHAT), size in 1usize..50) {
            let _ = decode(&bytes, size);
        }
    }
}
