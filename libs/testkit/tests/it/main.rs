//! The test kit against real clients: what it claims to do to others is checked here once.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod http;
mod otlp;
mod postgres;
mod process;
mod provider;
mod relay;
