//! The whole of Terrace against PostgreSQL and scripted model servers.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod bad_input;
mod batch;
mod browser;
mod budget;
mod cache;
mod canary;
mod clients;
mod commits;
mod consensus;
mod edge;
mod embed;
mod fallback;
mod ids;
mod interop;
mod keys;
mod learning;
mod leaving;
mod placement;
mod pull;
mod real_model;
mod reflection;
mod routing;
mod sdks;
mod simulate;
mod stopping;
mod story;
mod table;
mod usage;

/// Makes two tests of one scenario: all in one process, and each service in its own.
macro_rules! in_both_placements {
    ($($name:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(terrace_e2e::Placement::InProcess).await; })+
        }
        mod split {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(terrace_e2e::Placement::Split).await; })+
        }
    };
}
pub(crate) use in_both_placements;
