//! `terrace project` and `terrace key`: who pays, and the keys that calls come with.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{examples, values};

#[derive(Debug, Args)]
#[command(after_help = examples::PROJECT)]
pub(crate) struct ProjectArgs {
    /// Print one JSON object instead of a table; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: ProjectCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Create a project; one that is there already stays as it is
    #[command(after_help = examples::PROJECT_CREATE)]
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List all projects
    #[command(after_help = examples::PROJECT_LIST)]
    List,
}

#[derive(Debug, Args)]
#[command(after_help = examples::KEY)]
pub(crate) struct KeyArgs {
    /// Print one JSON object instead of text; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print its secret, which is shown this once
    #[command(after_help = examples::KEY_CREATE)]
    Create(CreateKeyArgs),
    /// List keys, without their secrets
    #[command(after_help = examples::KEY_LIST)]
    List {
        /// Only those of this project
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
    },
    /// Give a key a new secret and print it, this once
    #[command(after_help = examples::KEY_ROTATE)]
    Rotate {
        /// Id of the key
        #[arg(value_name = "KEY")]
        key: String,
        /// How long the old secret stays valid, as 1h; without it, it ends at once
        #[arg(long, value_name = "TIME", value_parser = values::duration)]
        overlap: Option<Duration>,
    },
    /// Make a key invalid, everywhere within a second
    #[command(after_help = examples::KEY_REVOKE)]
    Revoke {
        /// Id of the key
        #[arg(value_name = "KEY")]
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// Name for people
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Project that pays for its calls
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) project: String,
    /// What it may do; may be given more than once
    #[arg(long, value_enum, value_name = "SCOPE", default_values = ["route"])]
    pub(crate) scope: Vec<KeyScope>,
    /// When it ends, from now, as 30d; without it never
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) expires_in: Option<Duration>,
    /// Most requests a minute, in each orchestrator; 0: no limit
    #[arg(long, value_name = "COUNT", default_value = "0")]
    pub(crate) requests_per_minute: u32,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyScope {
    /// Send requests
    Route,
    /// Administer projects, keys and budgets, and read the books
    Manage,
}

impl KeyScope {
    /// The word of the contract.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Manage => "manage",
        }
    }
}
