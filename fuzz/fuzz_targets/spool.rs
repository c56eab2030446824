//! The file of the ledger's spool, and the settlements in it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| terrace_cost_ledger::fuzzing::spooled(data));
