//! The command line: verbs, flags and the examples under each `--help`.
//!
//! Values are checked here as far as they can be without a server, so that a typing error costs no
//! round trip. What a flag means for a request is in [`crate::request`].

mod accounts;
mod budget;
mod consensus;
mod examples;
mod learned;
mod learning;
mod request;
mod simulate;
mod usage;
mod values;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use accounts::{
    CreateKeyArgs, KeyArgs, KeyCommand, KeyScope, ProjectArgs, ProjectCommand,
};
pub(crate) use budget::{BudgetArgs, BudgetCommand, SetArgs, TopUpArgs};
pub(crate) use consensus::ConsensusArgs;
pub(crate) use learned::{LearningArgs, LearningCommand, Outcome, OutcomeArgs};
pub(crate) use learning::{EvalArgs, TrainArgs};
pub(crate) use request::{Format, RequestArgs};
pub(crate) use simulate::SimulateArgs;
pub(crate) use usage::{ExportArgs, ExportFormat, ListArgs, UsageArgs, UsageCommand};
pub(crate) use values::Since;
pub(crate) use watch::WatchArgs;

/// Where `terrace up` listens unless it is told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7600";

/// Routes LLM requests over tiers of models: a cheap local model answers what it can, a judge
/// looks at the answer, and what falls short goes one tier up.
#[derive(Debug, Parser)]
#[command(name = "terrace", version, after_help = examples::TERRACE)]
pub(crate) struct Cli {
    /// Server to talk to
    #[arg(long, global = true, env = "TERRACE_SERVER", value_name = "URL", default_value = DEFAULT_SERVER)]
    pub(crate) server: String,
    /// Key to call with; better in the environment than on a command line that others can see
    #[arg(
        long,
        global = true,
        env = "TERRACE_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
    /// Authorities that an https server's certificate has to come from; without it those that
    /// browsers trust
    #[arg(long, global = true, env = "TERRACE_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Own certificate to show to an https server that asks for one
    #[arg(
        long,
        global = true,
        env = "TERRACE_CERT",
        value_name = "FILE",
        requires = "cert_key"
    )]
    pub(crate) cert: Option<PathBuf>,
    /// Key of that certificate
    #[arg(
        long,
        global = true,
        env = "TERRACE_CERT_KEY",
        value_name = "FILE",
        requires = "cert"
    )]
    pub(crate) cert_key: Option<PathBuf>,
    /// When to colour what is printed; `NO_COLOR` is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all services: in this process, or with --split in one process each
    Up(UpArgs),
    /// Run one service
    Serve(ServeArgs),
    /// Send a prompt and print the answer with how it came to be
    Route(Box<RouteArgs>),
    /// Show how a prompt would be routed, and call no model
    Explain(Box<ExplainArgs>),
    /// List the models of all backends with prices, or fetch one
    Models(ModelsArgs),
    /// Show what was spent and saved, and where the budgets stand
    Cost(CostArgs),
    /// Show, set, pause and top up budgets
    Budget(BudgetArgs),
    /// Prove that the books are right
    Ledger(LedgerArgs),
    /// Learn the weights of the classifier from outcomes
    Train(TrainArgs),
    /// Measure a router on outcomes, beside chance, length and an oracle
    Eval(EvalArgs),
    /// Say what became of an answer, to learn from
    Outcome(OutcomeArgs),
    /// Show or roll back what was learned from your own traffic
    Learning(LearningArgs),
    /// Say what a month would cost, or what the real ledger would have cost under another config
    Simulate(Box<SimulateArgs>),
    /// List the rows of the books, or export them
    Usage(UsageArgs),
    /// Follow requests while they are answered
    Watch(WatchArgs),
    /// Create and list projects, which pay
    Project(ProjectArgs),
    /// Create, list, rotate and revoke keys, which calls come with
    Key(KeyArgs),
    /// Check or show a config
    Config(ConfigArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
}

#[derive(Debug, Args)]
#[command(after_help = examples::UP)]
pub(crate) struct UpArgs {
    /// Config file; without it `TERRACE_CONFIG`, then ./terrace.yaml, then the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on instead of the config's; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Address of the HTTP edge instead of the config's; without it, a --listen on a free port has
    /// the edge take one too
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) edge_listen: Option<SocketAddr>,
    /// Run every service as a process of its own, on loopback
    #[arg(long)]
    pub(crate) split: bool,
}

impl UpArgs {
    /// Where the edge listens instead of where the config says. Whoever takes a free port for
    /// Terrace runs several at once, and the edges of those would meet on the usual one.
    pub(crate) fn edge_listen(&self) -> Option<SocketAddr> {
        let free = self.listen.filter(|listen| listen.port() == 0);
        self.edge_listen.or(free)
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::SERVE)]
pub(crate) struct ServeArgs {
    /// Which service
    #[arg(value_name = "SERVICE")]
    pub(crate) service: ServiceName,
    /// Backend of a tier-gateway; needed when the config has several
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<String>,
    /// Config file; without it `TERRACE_CONFIG`, then ./terrace.yaml, then the built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on instead of the config's; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Stop when standard input is closed, so as not to outlive a parent
    #[arg(long)]
    pub(crate) stop_with_stdin: bool,
}

/// A service that can run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServiceName {
    /// Reserves, settles and sums up money
    CostLedger,
    /// Says what a prompt asks for and how hard it is
    Classifier,
    /// Says whether an answer is good enough
    QualityJudge,
    /// Stands in front of one backend
    TierGateway,
    /// Plans, attempts, judges and answers
    Orchestrator,
    /// Speaks the HTTP APIs of OpenAI and Anthropic
    Edge,
}

/// When a streamed answer may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Commit {
    /// After its verdict
    HoldBack,
    /// When nothing is against its first 64 tokens; then no other model answers
    Prefix,
    /// At once; an answer that falls short is taken back by a line that says so
    Provisional,
}

#[derive(Debug, Args)]
#[command(after_help = examples::ROUTE, after_long_help = examples::ROUTE_LONG)]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Answer every line of a file, a JSON object with a `prompt` each; `-` for standard input. The
    /// other flags hold for lines that do not say otherwise
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["prompt", "stream", "request_id", "verbose"])]
    pub(crate) batch: Option<PathBuf>,
    /// Where the results of a batch go, a JSON object a line. Default: standard output
    #[arg(long, value_name = "FILE", requires = "batch")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with a batch: leave out the lines that have an answer in --out
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
    /// Print the answer as it comes, and what is being tried meanwhile
    #[arg(long)]
    pub(crate) stream: bool,
    /// When a streamed answer may be printed
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "hold-back",
        requires = "stream"
    )]
    pub(crate) commit: Commit,
    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    /// Print one JSON object instead of text; errors too
    #[arg(long)]
    pub(crate) json: bool,
    /// Show the attempts also when there was only one, and what each check of the judge found
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::EXPLAIN)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// How long the request would be given; its models share it
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    /// Print one JSON object instead of tables; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::MODELS)]
pub(crate) struct ModelsArgs {
    /// Print one JSON object instead of a table; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Make a backend fetch a model of the config, and show how far it is
    #[command(after_help = examples::MODELS_PULL)]
    Pull {
        /// Name of the model, as its backend knows it
        #[arg(value_name = "NAME")]
        name: String,
        /// Backend to fetch it onto; needed when several have a model of that name
        #[arg(long, value_name = "NAME")]
        backend: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = examples::COST)]
pub(crate) struct CostArgs {
    /// From when on: `today` in the budget's time zone, or a span as 90m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "today", value_parser = values::since)]
    pub(crate) since: Since,
    /// Dimensions to group by: tier, backend, model, action, project, key, one tag.NAME
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',')]
    pub(crate) by: Vec<String>,
    /// Length of the buckets of time to group by, as 15m, 1h, 1d
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) bucket: Option<Duration>,
    /// This project alone
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Print one JSON object instead of tables; errors too
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = examples::LEDGER)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check that events and holds add up to the budgets, without a gap and nothing twice
    #[command(after_help = examples::LEDGER_VERIFY)]
    Verify {
        /// Print one JSON object instead of text; errors too
        #[arg(long)]
        json: bool,
    },
    /// Bring the tables of the database up to date and end, as a release does before it rolls out
    #[command(after_help = examples::LEDGER_MIGRATE)]
    Migrate {
        /// Config file; without it `$TERRACE_CONFIG`, then `./terrace.yaml`, then the built-in one
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = examples::CONFIG)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every problem of a config, or what was understood
    #[command(after_help = examples::CONFIG_CHECK)]
    Check {
        /// Config file; without it `TERRACE_CONFIG`, then ./terrace.yaml, then the built-in one
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show the config as it is in effect, defaults and overrides included, without secrets
    #[command(after_help = examples::CONFIG_SHOW)]
    Show {
        /// Config file; without it `TERRACE_CONFIG`, then ./terrace.yaml, then the built-in one
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = examples::COMPLETION)]
pub(crate) struct CompletionArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests;
