//! What a call has used: the backend's counts, and an estimate where it gives none.
//!
//! The estimate is from bytes and is marked. A count of nothing for an answer that has text is no
//! count, and a count from the middle of an answer that then broke is not the last word.

use terrace_domain::{Usage, usage::estimate_tokens};

use crate::call::{Call, ToolCallDelta};
use crate::provider::{Chunk, Reported};

/// The accounts of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    prompt_bytes: u64,
    output_bytes: u64,
    reported: Option<Reported>,
}

impl Tally {
    pub(crate) fn new(call: &Call) -> Self {
        Self {
            prompt_bytes: call.prompt_bytes(),
            output_bytes: 0,
            reported: None,
        }
    }

    /// Counts one piece.
    pub(crate) fn add(&mut self, chunk: &Chunk) {
        let calls: u64 = chunk.tool_calls.iter().map(bytes_of).sum();
        self.output_bytes += chunk.text.len() as u64 + calls + chunk.hidden_bytes;
        self.reported = chunk.usage.or(self.reported);
    }

    /// What a complete answer used.
    pub(crate) fn complete(&self) -> Usage {
        self.usage(|counted, estimate| (counted > 0 || estimate == 0).then_some(counted))
    }

    /// What has been used so far, or until the answer broke.
    pub(crate) fn so_far(&self) -> Usage {
        self.usage(|counted, estimate| (counted >= estimate).then_some(counted))
    }

    /// `trusted` says which count of output stands, given the estimate.
    fn usage(&self, trusted: impl Fn(u64, u64) -> Option<u64>) -> Usage {
        let reported = self.reported.unwrap_or_default();
        let input = reported.input.filter(|counted| *counted > 0);
        let estimate = estimate_tokens(self.output_bytes);
        let output = reported
            .output
            .and_then(|counted| trusted(counted, estimate));
        Usage {
            input_tokens: input.unwrap_or_else(|| estimate_tokens(self.prompt_bytes)),
            output_tokens: output.unwrap_or(estimate),
            cached_input_tokens: reported.cached_input,
            cache_write_tokens: reported.cache_write,
            reasoning_tokens: reported.reasoning,
            estimated: input.is_none() || output.is_none(),
        }
    }
}

fn bytes_of(call: &ToolCallDelta) -> u64 {
    let name = call.name.as_ref().map_or(0, String::len);
    (name + call.arguments.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::for_testing::call_of;

    fn tally(reported: Option<(u64, u64)>) -> Tally {
        let call = call_of(&"x".repeat(40));
        let mut tally = Tally::new(&call);
        tally.add(&Chunk {
            text: "x".repeat(16),
            hidden_bytes: 4,
            usage: reported.map(|(input, output)| Reported {
                input: Some(input),
                output: Some(output),
                ..Reported::default()
            }),
            ..Chunk::default()
        });
        tally
    }

    fn counts(usage: Usage) -> (u64, u64, bool) {
        (usage.input_tokens, usage.output_tokens, usage.estimated)
    }

    #[test]
    fn what_the_backend_counts_stands() {
        assert_eq!(counts(tally(Some((12, 3))).complete()), (12, 3, false));
    }

    #[test]
    fn without_a_count_it_is_estimated_with_hidden_reasoning_and_marked() {
        assert_eq!(counts(tally(None).complete()), (10, 5, true));
    }

    #[test]
    fn tool_calls_count_as_output() {
        let mut tally = Tally::new(&call_of(""));
        let delta = ToolCallDelta {
            name: Some("find".into()),
            arguments: r#"{"a": 1}"#.into(),
            ..ToolCallDelta::default()
        };
        tally.add(&Chunk {
            tool_calls: vec![delta],
            ..Chunk::default()
        });
        assert_eq!(tally.complete().output_tokens, 3);
    }

    #[test]
    fn a_count_of_nothing_for_some_text_is_no_count() {
        assert_eq!(counts(tally(Some((0, 0))).complete()), (10, 5, true));
    }

    #[test]
    fn an_early_count_does_not_hide_what_came_after_it() {
        assert_eq!(counts(tally(Some((12, 1))).so_far()), (12, 5, true));
        assert_eq!(counts(tally(Some((12, 7))).so_far()), (12, 7, false));
    }
}
