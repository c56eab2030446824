//! Bodies of `POST /v1/chat/completions`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_edge::fuzzing::chat(data));
