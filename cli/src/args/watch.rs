//! `terrace watch`: which requests.

use clap::Args;
use uuid::Uuid;

use super::examples;

#[derive(Debug, Args)]
#[command(after_help = examples::WATCH)]
pub(crate) struct WatchArgs {
    /// Only requests of this project
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Only this request, until it has ended
    #[arg(long, value_name = "UUID", conflicts_with = "ended")]
    pub(crate) request: Option<Uuid>,
    /// Begin with the requests that ended last
    #[arg(long)]
    pub(crate) ended: bool,
    /// Print each event as one JSON object on its own line; errors too
    #[arg(long)]
    pub(crate) json: bool,
}
