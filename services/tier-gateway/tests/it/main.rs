//! A gateway behind an in-process link, in front of a scripted backend on a real port.
//!
//! Time-outs are real and short here: a paused clock would jump to them while bytes travel.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod answers;
mod breaker;
mod canary;
mod cancel;
mod embed;
mod endpoints;
mod faults;
mod length;
mod models;
mod pull;
mod requests;
mod retry;
mod sandbox;
mod torrent;
mod trace;
