//! The messages of the ledger's callers, through its conversions; its filters too.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_cost_ledger::fuzzing::messages(data));
