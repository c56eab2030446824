//! The detail of a failure: the attempts made and what they cost, short enough to arrive.
//!
//! A status travels in headers, and most gRPC libraries refuse more than 8 KiB of those. Every
//! attempt is told, whatever its number; it is their texts that are cut, the longest first, and
//! at last the checks behind a verdict's score.

use prost::Message;
use prost_types::Any;
use terrace_domain::Failure;
use terrace_proto::router::v1 as wire;

use super::response;
use crate::route::Unanswered;

/// Most bytes of the detail, so that it and the failure's own message fit into 8 KiB of headers.
const MAX_BYTES: usize = 3 * 1024;

/// What the texts are cut to, step by step, until the whole is short enough.
const TEXT_BYTES: [usize; 4] = [256, 128, 64, 0];

/// The failure, and its detail for the wire.
pub(super) fn split(unanswered: Unanswered) -> (Failure, Any) {
    let attempts = unanswered.attempts.into_iter().map(response::attempt);
    let mut detail = wire::RouteFailure {
        request_id: unanswered.id.to_string(),
        attempts: attempts.collect(),
        cost_nano_usd: unanswered.cost.get(),
    };
    for most in TEXT_BYTES {
        if detail.encoded_len() > MAX_BYTES {
            detail.attempts.iter_mut().for_each(|told| cut(told, most));
        }
    }
    let detail = Any {
        type_url: "type.googleapis.com/terrace.router.v1.RouteFailure".to_owned(),
        value: detail.encode_to_vec(),
    };
    (unanswered.failure, detail)
}

/// Cuts the texts of an attempt; with no room for any, the checks go and the rest stays.
fn cut(attempt: &mut wire::Attempt, most: usize) {
    shorten(&mut attempt.detail, most);
    let Some(verdict) = &mut attempt.verdict else {
        return;
    };
    if most == 0 {
        verdict.checks.clear();
    }
    for check in &mut verdict.checks {
        shorten(&mut check.finding, most);
    }
}

fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(3)));
        if most > 0 {
            text.push_str("...");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_character_and_marked() {
        let mut text = "r\u{e4}uber und gendarm".to_owned();
        shorten(&mut text, 100);
        assert_eq!(text, "r\u{e4}uber und gendarm");
        shorten(&mut text, 5);
        assert_eq!(text, "r...");
        shorten(&mut text, 0);
        assert_eq!(text, "");
    }
}
