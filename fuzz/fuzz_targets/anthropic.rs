//! The stream of a backend that speaks Anthropic's API, byte by byte.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_tier_gateway::fuzzing::anthropic(data));
