//! Answers as a shared cache has kept them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_orchestrator::fuzzing::kept(data));
