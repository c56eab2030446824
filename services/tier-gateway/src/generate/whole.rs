//! The events of an answer, put together.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use terrace_domain::Failure;

use super::{Delta, Event, Events, Finished};
use crate::call::{TokenLogprob, ToolCall, ToolCallDelta};

/// A whole answer.
pub(crate) struct Whole {
    pub(crate) text: String,
    /// In the order of their indices.
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) finished: Finished,
}

impl Whole {
    /// Reads the events to their end; `None` when there is none.
    pub(crate) async fn collect(mut events: Events) -> Result<Option<Self>, Failure> {
        let mut parts = Parts::default();
        while let Some(event) = events.next().await {
            match event? {
                Event::Delta(delta) => parts.add(delta),
                Event::Usage(_) => {}
                Event::Finished(finished) => return Ok(Some(parts.finish(finished))),
            }
        }
        Ok(None)
    }
}

/// An answer in the making.
#[derive(Default)]
struct Parts {
    text: String,
    tool_calls: BTreeMap<u32, ToolCall>,
    logprobs: Vec<TokenLogprob>,
}

impl Parts {
    fn add(&mut self, delta: Delta) {
        self.text.push_str(&delta.text);
        self.logprobs.extend(delta.logprobs);
        if let Some(piece) = delta.tool_call {
            self.add_tool_call(piece);
        }
    }

    fn add_tool_call(&mut self, piece: ToolCallDelta) {
        let call = self.tool_calls.entry(piece.index).or_default();
        call.id.push_str(&piece.id.unwrap_or_default());
        call.name.push_str(&piece.name.unwrap_or_default());
        call.arguments.push_str(&piece.arguments);
    }

    fn finish(self, finished: Finished) -> Whole {
        Whole {
            text: self.text,
            tool_calls: self.tool_calls.into_values().collect(),
            logprobs: self.logprobs,
            finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use terrace_domain::Usage;

    fn piece(index: u32, name: Option<&str>, arguments: &str) -> Result<Event, Failure> {
        Ok(Event::Delta(Delta {
            tool_call: Some(ToolCallDelta {
                index,
                id: name.map(|name| format!("id of {name}")),
                name: name.map(str::to_owned),
                arguments: arguments.to_owned(),
            }),
            ..Delta::default()
        }))
    }

    #[tokio::test]
    async fn pieces_of_tool_calls_are_put_together_by_index() {
        let end = Event::Finished(Finished {
            finish: crate::call::Finish::ToolCalls,
            usage: Usage::default(),
            served_model: "m".into(),
        });
        let events = [
            piece(1, Some("b"), "{"),
            piece(0, Some("a"), "{}"),
            piece(1, None, "}"),
            Ok(end),
        ];
        let whole = Whole::collect(stream::iter(events).boxed()).await;
        let calls = whole.unwrap().unwrap().tool_calls;
        let calls: Vec<_> = calls
            .iter()
            .map(|call| (&*call.name, &*call.arguments))
            .collect();
        assert_eq!(calls, [("a", "{}"), ("b", "{}")]);
    }

    #[tokio::test]
    async fn events_without_an_end_are_no_answer() {
        let events = [piece(0, Some("a"), "{}")];
        let whole = Whole::collect(stream::iter(events).boxed()).await;
        assert!(whole.unwrap().is_none());
    }
}
