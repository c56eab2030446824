//! An answer ends at the length that was asked for, and costs no more, whatever its backend does;
//! one whose backend keeps to that is whole, however long its tokens are.

use terrace_proto::common::v1::{FinishReason, GenerationParams};
use terrace_proto::gateway::v1::Generation;
use terrace_testkit::provider::{Fault, Reply, Script, UsageReport};

use crate::sandbox::{ALL, SOON, Sandbox, ask};

/// The length that is asked for.
const TOKENS: u32 = 24;

fn ask_for_tokens() -> Generation {
    let params = GenerationParams {
        max_output_tokens: Some(TOKENS),
        ..GenerationParams::default()
    };
    Generation {
        params: Some(params),
        ..ask()
    }
}

/// An answer of `pieces` whose backend counts nothing.
fn uncounted(pieces: &[&'static str]) -> Script {
    let reply = Reply::pieces(pieces).usage(UsageReport::Absent);
    Script::serving(["m"]).otherwise(reply)
}

#[tokio::test]
async fn an_answer_without_end_ends_at_its_length_and_costs_no_more() {
    for wire in ALL {
        for piece in ["a", "again ", "piece of many tokens, all at once; ", "ü"] {
            let endless = Reply::pieces([piece]).fault(Fault::Endless);
            let (sandbox, provider) =
                Sandbox::with(wire, Script::serving(["m"]).otherwise(endless));
            let streamed = sandbox.stream(ask_for_tokens()).await;
            let case = format!("{wire:?}, `{piece}`: {streamed:?}");
            let finished = streamed.finished.as_ref().expect(&case);
            assert_eq!(finished.finish_reason(), FinishReason::Length, "{case}");
            let usage = finished.usage.unwrap();
            assert!(usage.estimated, "{case}");
            assert_eq!(usage.output_tokens, u64::from(TOKENS), "{case}");
            assert!(streamed.text().len() < 2000, "{case}");
            assert!(provider.wait_open(0, SOON).await, "still read: {case}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_long_tokens_is_whole_and_costs_no_more_than_was_asked_for() {
    let words = [" Donaudampfschifffahrt"; TOKENS as usize];
    for wire in ALL {
        let (sandbox, _provider) = Sandbox::with(wire, uncounted(&words));
        let whole = sandbox.whole(ask_for_tokens()).await.unwrap();
        assert_eq!(whole.text, words.concat(), "{wire:?}");
        assert_eq!(whole.usage.output_tokens, u64::from(TOKENS), "{wire:?}");
    }
}
