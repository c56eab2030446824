//! The messages of the gateway's callers, through its conversions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_tier_gateway::fuzzing::messages(data));
