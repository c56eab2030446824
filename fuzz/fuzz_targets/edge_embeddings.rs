//! Bodies of `POST /v1/embeddings`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_edge::fuzzing::embeddings(data));
