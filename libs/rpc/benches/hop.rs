//! What a call from one service to another costs: in process with and without bytes, over loopback, and
//! by tonic alone.
//!
//! ```text
//! cargo bench -p terrace-rpc --bench hop -- --times 20000 --rounds 5
//! ```
//!
//! One caller on one thread, so a call's time is its CPU on both sides, and over loopback the kernel's.
//! Telemetry runs as in a service without a collector.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "the probe is one for tests"
)]

#[path = "../tests/it/probe.rs"]
mod probe;

use std::time::Duration;

use clap::Parser;
use http::uri::PathAndQuery;
use probe::{Probe, SAY, Text};
use terrace_rpc::{Link, ServerSettings, deadline};
use terrace_telemetry::Settings;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tracing::Instrument as _;

/// Measures one call after the other.
#[derive(Debug, Parser)]
struct Args {
    /// Calls in each round
    #[arg(long, default_value_t = 20_000)]
    times: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure this one alone: bare, direct, process or network
    #[arg(long)]
    only: Option<String>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let telemetry = Settings {
        log_filter: "warn".to_owned(),
        ..Settings::default()
    };
    let _guard = terrace_telemetry::init(&telemetry)?;
    let settings = ServerSettings::for_testing();
    let server = probe::serve(&settings).await;
    let is_wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    if is_wanted("bare") {
        measure(&args, "tonic alone", |request| {
            say(Probe::default(), request)
        })
        .await;
    }
    let within = Link::in_process("probe", probe::stack(&settings));
    if is_wanted("direct") {
        let wire = async |_| unreachable!("the probe offers this method without bytes");
        measure(&args, "in process, without bytes", |request| {
            within.unary(request, wire)
        })
        .await;
    }
    if is_wanted("process") {
        measure(&args, "in process", |request| say(within.clone(), request)).await;
    }
    if is_wanted("network") {
        let link = server.link();
        measure(&args, "over loopback", |request| say(link.clone(), request)).await;
    }
    Ok(())
}

async fn measure<F>(args: &Args, name: &str, call: impl Fn(Request<Text>) -> F)
where
    F: Future<Output = Result<Response<Text>, Status>>,
{
    for _ in 0..args.rounds {
        let mut times = Vec::with_capacity(args.times);
        for _ in 0..args.times {
            let began = Instant::now();
            let span = tracing::info_span!(target: "terrace_bench", "request");
            let text = Text {
                text: "echo x".to_owned(),
            };
            let until = deadline::Deadline::within(Duration::from_secs(5));
            let answer = call(deadline::request_within(text, until));
            let answer = answer.instrument(span).await.unwrap();
            assert_eq!(answer.into_inner().text, "x");
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100];
        let whole: Duration = times.iter().sum();
        println!(
            "{name}: mean {:.1?}, p50 {:.1?}, p99 {:.1?}",
            whole / u32::try_from(times.len()).unwrap(),
            at(50),
            at(99)
        );
    }
}

async fn say<S>(callee: S, request: Request<Text>) -> Result<Response<Text>, Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + std::fmt::Debug,
{
    let mut client = Grpc::new(callee);
    client.ready().await.unwrap();
    let codec = ProstCodec::<Text, Text>::default();
    client
        .unary(request, PathAndQuery::from_static(SAY), codec)
        .await
}
