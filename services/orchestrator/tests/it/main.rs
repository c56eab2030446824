//! The orchestrator as a black box between scripted services, behind the links of the real ones.
//!
//! Clocks are paused but where a socket is involved: a link to nobody, or a shared cache.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod answers;
mod asleep;
mod batches;
mod cache;
mod commits;
mod consensus;
mod consensus_code;
mod cut;
mod dead;
mod failures;
mod fakes;
mod hedge;
mod ids;
mod leaving;
mod lists;
mod opinions;
mod promises;
mod relaxed;
mod repairs;
mod reports;
mod sent;
mod sessions;
mod shadows;
mod shared;
mod streams;
mod targets;
mod time;
mod tools;
mod trace;
mod watch;
mod world;
