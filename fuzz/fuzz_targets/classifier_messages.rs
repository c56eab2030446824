//! The messages of the classifier's callers, classified.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_classifier::fuzzing::messages(data));
