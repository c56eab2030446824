//! Rules of an operator's own in CEL, asked about an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_quality_judge::fuzzing::rules(data));
