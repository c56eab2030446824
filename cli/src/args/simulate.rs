//! `terrace simulate`: a scenario, or the real ledger under another config.

use std::path::PathBuf;

use clap::Args;

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::SIMULATE)]
pub(crate) struct SimulateArgs {
    /// A scenario that comes along, daemon or fleet, or the file of another
    #[arg(long, value_name = "NAME|FILE", default_value = "daemon")]
    pub(crate) scenario: PathBuf,
    /// Days of one span
    #[arg(long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(crate) days: u32,
    /// Seed of everything random: the same seed, the same figures
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// How often the span is drawn. Default: as often as makes 5 million iterations, 40 to 1000 times
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) repeats: Option<u32>,
    /// Also vary things: iterations a day and the rate of rejected answers; with --replay the
    /// threshold
    #[arg(long)]
    pub(crate) sweep: bool,
    /// Also say what the scenario costs at the rates of rejected answers that the ledger has seen
    #[arg(long, group = "books")]
    pub(crate) measured: bool,
    /// Run the real ledger under another config instead of a scenario
    #[arg(long, group = "books", conflicts_with_all = ["scenario", "days", "repeats"])]
    pub(crate) replay: bool,
    /// The other config. Default: the one that the rows were made under
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub(crate) config: Option<PathBuf>,
    /// The config that the rows were made under; without it `TERRACE_CONFIG`, then ./terrace.yaml,
    /// then the built-in one
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub(crate) was: Option<PathBuf>,
    /// Requests of the ledger that closed from then on: 90m, 24h, 7d, today, a date or a time
    #[arg(long, value_name = "TIME", requires = "books")]
    pub(crate) since: Option<String>,
    /// Requests that closed before then
    #[arg(long, value_name = "TIME", requires = "books")]
    pub(crate) until: Option<String>,
    /// Requests of this project alone
    #[arg(long, value_name = "NAME", requires = "books")]
    pub(crate) project: Option<String>,
    /// Also write a page with charts, one file that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write over a page that is there
    #[arg(long, requires = "html")]
    pub(crate) force: bool,
    /// Print one JSON object instead of tables; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

impl SimulateArgs {
    /// The requests that are meant, as terms of the ledger's filter.
    pub(crate) fn filter(&self) -> Vec<String> {
        let terms = [
            ("since", &self.since),
            ("until", &self.until),
            ("project", &self.project),
        ];
        let given = terms
            .into_iter()
            .filter_map(|(word, value)| Some(format!("{word}={}", value.as_ref()?)));
        given.collect()
    }
}
