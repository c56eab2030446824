//! The suite over every kind of backend, and every fault of the simulators.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod faults;
mod features;
mod real_server;
mod sent;
mod table;
