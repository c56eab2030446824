//! What a call has used: the backend's counts, and an estimate where it gives none.
//!
//! The estimate is from bytes and is marked; it is never above the length that was asked for, which
//! is what money is held for. A count of nothing for an answer that has text is no count, a count
//! from the middle of an answer that then broke is not the last word, and one far above what a
//! prompt or an answer can be is a lie: believed, it would pass every budget.

use terrace_domain::{Usage, usage::estimate_tokens};

use crate::call::{Call, ToolCallDelta};
use crate::provider::{Chunk, Reported};

/// The accounts of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    prompt_bytes: u64,
    output_bytes: u64,
    /// Pieces in which the model said something.
    pieces: u64,
    /// The length that was asked for, in tokens.
    cap: u64,
    reported: Option<Reported>,
    /// The most tokens that are believed: of the prompt, and of an answer.
    believed: (u64, u64),
}

/// Tokens that a backend may count above the bound: templates of its own, and what it thinks of as
/// an answer's end.
const SLACK: u64 = 4096;

/// Pieces that an answer may have above its tokens: servers write one for each token, and two where
/// one is half text and half mark-up.
const SLACK_PIECES: u64 = 16;

/// Bytes that the tokens of an answer have at most on average: eight times what an estimate takes
/// for one. Single ones are longer, as runs of blanks are; an answer of nothing else may lose its end.
const LONGEST_TOKENS: u64 = 32;

impl Tally {
    /// The accounts of a call that may have `cap` tokens of output.
    pub(crate) fn new(call: &Call, cap: u32) -> Self {
        let believed = |bound: u64| bound.saturating_add(SLACK);
        Self {
            prompt_bytes: call.prompt_bytes(),
            output_bytes: 0,
            pieces: 0,
            cap: cap.into(),
            reported: None,
            believed: (believed(call.input_bound()), believed(cap.into())),
        }
    }

    /// Whether the answer is longer than was asked for, so that its backend does not keep to that.
    ///
    /// One that keeps to it has no more pieces than tokens, and never so many bytes that no tokens are
    /// so long. Where a server cuts finer than tokens its bytes have to look longer as well, so that
    /// at most the end of an answer is lost that was about to be cut for its length.
    pub(crate) fn is_too_long(&self) -> bool {
        let is_in_more_pieces = self.pieces > self.cap + SLACK_PIECES;
        let looks_longer = estimate_tokens(self.output_bytes) > self.cap;
        let longest = (self.cap + SLACK_PIECES) * LONGEST_TOKENS;
        (is_in_more_pieces && looks_longer) || self.output_bytes > longest
    }

    /// Whether the backend counts what cannot be.
    pub(crate) fn is_beyond_belief(&self) -> bool {
        let reported = self.reported.unwrap_or_default();
        let (input, output) = self.believable(reported);
        input != reported.input || output != reported.output
    }

    /// The counts that can be: a backend may ignore the cap, but every token has a byte.
    fn believable(&self, reported: Reported) -> (Option<u64>, Option<u64>) {
        let (input, output) = self.believed;
        let output = output.max(self.output_bytes.saturating_add(SLACK));
        let up_to = |most: u64| move |counted: &u64| *counted <= most;
        (
            reported.input.filter(up_to(input)),
            reported.output.filter(up_to(output)),
        )
    }

    /// Counts one piece.
    pub(crate) fn add(&mut self, chunk: &Chunk) {
        let calls: u64 = chunk.tool_calls.iter().map(bytes_of).sum();
        let said = chunk.text.len() as u64 + calls + chunk.hidden_bytes;
        self.output_bytes += said;
        self.pieces += u64::from(said > 0);
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
        let (input, output) = self.believable(reported);
        let input = input.filter(|counted| *counted > 0);
        let estimate = estimate_tokens(self.output_bytes).min(self.cap);
        let output = output.and_then(|counted| trusted(counted, estimate));
        let input_tokens = input.unwrap_or_else(|| estimate_tokens(self.prompt_bytes));
        let output_tokens = output.unwrap_or(estimate);
        let cached_input_tokens = reported.cached_input.min(input_tokens);
        Usage {
            input_tokens,
            output_tokens,
            cached_input_tokens,
            cache_write_tokens: reported.cache_write.min(input_tokens - cached_input_tokens),
            reasoning_tokens: reported.reasoning.min(output_tokens),
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
        let mut tally = Tally::new(&call, 100);
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
        let mut tally = Tally::new(&call_of(""), 100);
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

    #[test]
    fn a_count_far_above_what_can_be_is_not_believed() {
        let tally_of = |input, output| tally(Some((input, output)));
        assert_eq!(counts(tally_of(1_000_000, 3).complete()), (10, 3, true));
        assert_eq!(counts(tally_of(12, 1_000_000).complete()), (12, 5, true));
        assert_eq!(counts(tally_of(u64::MAX, u64::MAX).so_far()), (10, 5, true));
        assert!(tally_of(12, 1_000_000).is_beyond_belief());
        assert!(!tally_of(4000, 4000).is_beyond_belief());
        assert_eq!(counts(tally_of(4000, 4000).complete()), (4000, 4000, false));
    }

    /// The accounts of an answer of `pieces` of `bytes` each, of which 24 tokens were asked for.
    fn after(pieces: usize, bytes: usize) -> Tally {
        let mut tally = Tally::new(&call_of(""), 24);
        for _ in 0..pieces {
            tally.add(&Chunk {
                text: "x".repeat(bytes),
                ..Chunk::default()
            });
        }
        tally
    }

    #[test]
    fn an_answer_is_too_long_by_its_pieces_and_its_bytes() {
        assert!(after(41, 4).is_too_long());
        assert!(after(100, 1).is_too_long());
        assert!(after(2, 1000).is_too_long());
    }

    #[test]
    fn an_answer_of_the_length_that_was_asked_for_is_not_too_long() {
        assert!(!after(24, 20).is_too_long(), "long tokens");
        assert!(!after(24 * 4, 1).is_too_long(), "letter by letter");
        assert!(!after(1, 24 * 20).is_too_long(), "in one piece");
        assert!(!after(26, 20).is_too_long(), "a token in two pieces");
    }

    #[test]
    fn an_estimate_is_no_more_than_was_asked_for() {
        assert_eq!(after(24, 20).complete().output_tokens, 24);
        assert_eq!(after(1000, 20).so_far().output_tokens, 24);
    }

    #[test]
    fn parts_of_a_count_are_no_more_than_the_whole() {
        let mut tally = Tally::new(&call_of(&"x".repeat(40)), 100);
        tally.add(&Chunk {
            text: "x".repeat(16),
            usage: Some(Reported {
                input: Some(12),
                output: Some(3),
                cached_input: u64::MAX,
                cache_write: u64::MAX,
                reasoning: u64::MAX,
            }),
            ..Chunk::default()
        });
        let usage = tally.complete();
        assert_eq!(
            (usage.cached_input_tokens, usage.cache_write_tokens),
            (12, 0)
        );
        assert_eq!(usage.reasoning_tokens, 3);
    }
}
