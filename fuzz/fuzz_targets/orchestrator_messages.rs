//! The messages of the orchestrator's callers, through its conversions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_orchestrator::fuzzing::messages(data));
