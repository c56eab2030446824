//! What the edge adds to a call: the same one over gRPC, and over HTTP in front of the same process.
//!
//! Two calls are compared. A routed one goes through everything: classifier, stub, judge and a durable
//! settlement. The list of models asks nobody, so that its difference is the edge and the wire
//! alone. The ways take turns, so that all of them see the same machine.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::http::Http;
use crate::quantiles::Quantiles;
use crate::stub::Stub;
use crate::terrace::{Caller, QUESTION, Terrace};

const WARM_UP: usize = 100;

/// Settings of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Calls to measure one after the other, each way.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One call by both ways.
#[derive(Debug, Serialize)]
struct Compared {
    grpc: Quantiles,
    http: Quantiles,
    added_p50_us: i64,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    calls: u32,
    routed: Compared,
    models: Compared,
}

#[derive(Default)]
struct Times {
    grpc: Vec<Duration>,
    http: Vec<Duration>,
}

impl Compared {
    fn of(times: Times) -> Self {
        let (grpc, http) = (Quantiles::of(times.grpc), Quantiles::of(times.http));
        Self {
            grpc,
            http,
            added_p50_us: http.p50_us.cast_signed() - grpc.p50_us.cast_signed(),
        }
    }
}

/// Starts stub and Terrace, measures, and ends both.
///
/// # Errors
/// A program is not built, or a call failed.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Report> {
    let stub = Stub::start().await?;
    let terrace = Terrace::start(stub.address()).await?;
    let caller = terrace.caller()?;
    let mut http = Http::connect(terrace.edge()).await?;
    let (mut routed, mut models) = (Times::default(), Times::default());
    for call in 0..WARM_UP + args.calls as usize {
        if call == WARM_UP {
            (routed, models) = (Times::default(), Times::default());
        }
        one_of_each(&caller, &mut http, &mut routed, &mut models).await?;
    }
    terrace.stop().await?;
    Ok(Report {
        calls: args.calls,
        routed: Compared::of(routed),
        models: Compared::of(models),
    })
}

async fn one_of_each(
    caller: &Caller,
    http: &mut Http,
    routed: &mut Times,
    models: &mut Times,
) -> anyhow::Result<()> {
    let body = format!(
        r#"{{"model": "terrace/auto", "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}"#
    );
    routed.grpc.push(caller.route().await?);
    let (answer, took) = http.post("/v1/chat/completions", &body).await?;
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    anyhow::ensure!(
        answer["terrace"]["passed"] == true,
        "the stub's answer did not pass"
    );
    routed.http.push(took);
    models.grpc.push(caller.models().await?);
    models.http.push(http.get("/v1/models").await?.1);
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, compared) in [("routed", &self.routed), ("models", &self.models)] {
            writeln!(f, "  {name}, gRPC   {}", compared.grpc)?;
            writeln!(f, "  {name}, HTTP   {}", compared.http)?;
        }
        let (routed, models) = (self.routed.added_p50_us, self.models.added_p50_us);
        writeln!(
            f,
            "{} calls each way; the edge adds at the median: {routed} us to a routed call, {models} us \
             to a list of models",
            self.calls
        )
    }
}
