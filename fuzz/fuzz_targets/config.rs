//! The text of a config, and of a scenario.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    drop(terrace_config::parse(text, "fuzzed", []));
    drop(terrace_config::scenario::parse(text, "fuzzed", "fuzzed"));
});
