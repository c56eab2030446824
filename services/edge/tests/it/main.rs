//! Black box: HTTP in, a scripted orchestrator behind, HTTP out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod books;
mod chat;
mod chat_stream;
mod dashboard;
mod embeddings;
mod errors;
mod fake;
mod grpc_web;
mod hostile;
mod http;
mod lanes;
mod messages;
mod models;
mod responses;
mod tls;
mod world;
