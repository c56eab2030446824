//! JSON Schemas and patterns of callers, with an answer to them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_quality_judge::fuzzing::formats(data));
