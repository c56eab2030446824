//! Files of what was learned: weights of the classifier, a head of the judge, what own traffic taught.
//!
//! Each ends with a checksum of the rest, which no mutation would ever hit: it is put right first. A
//! file of weights has a length of its own, so the input lies over the beginning of an empty one.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use terrace_learned::{Head, Online, Weights};

static EMPTY: LazyLock<Weights> = LazyLock::new(Weights::untrained);

fuzz_target!(|data: &[u8]| {
    drop(Weights::from_bytes(data));
    let mut whole = EMPTY.to_bytes();
    for (byte, other) in whole.iter_mut().zip(data) {
        *byte = *other;
    }
    let end = whole.len() - 32;
    drop(Weights::from_bytes(&with_checksum(&whole[..end])));
    let right = with_checksum(data);
    drop(Head::from_bytes(&right, 0));
    drop(Online::from_bytes(&right, &EMPTY));
});

fn with_checksum(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(Sha256::digest(body));
    bytes
}
