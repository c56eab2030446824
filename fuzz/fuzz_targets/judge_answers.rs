//! Answers of models, through every check of the judge.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_quality_judge::fuzzing::answers(data));
