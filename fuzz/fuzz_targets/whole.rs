//! Whole answers of every backend: lists of models, vectors, complaints, progress.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_tier_gateway::fuzzing::whole(data));
