//! The messages of the judge's callers, judged.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_quality_judge::fuzzing::messages(data));
