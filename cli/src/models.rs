//! `terrace models`: what can be called, for how much, and what cannot and why.

mod pull;

use terrace_proto::router::v1::ListModelsRequest;

use crate::args::{ModelsArgs, ModelsCommand};
use crate::client::{Client, soon};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render};

/// Asks for the models and prints them, or has one fetched.
pub(crate) async fn run(server: &str, output: &Output, args: &ModelsArgs) -> Exit {
    let as_json = args.json;
    let done = match &args.command {
        None => Box::pin(models(server, *output, as_json)).await,
        Some(ModelsCommand::Pull { name, backend }) => {
            let wanted = pull::Wanted {
                name,
                backend: backend.as_deref(),
            };
            Box::pin(pull::run(server, *output, wanted, as_json)).await
        }
    };
    finish(*output, as_json, done)
}

async fn models(server: &str, output: Output, as_json: bool) -> Result<Exit, Trouble> {
    let mut router = Client::new(server)?.router();
    let list = router.list_models(soon(ListModelsRequest {})).await?;
    let list = list.into_inner();
    if as_json {
        output.print_json(&json::models(&list))?;
    } else {
        let width = output.width();
        let text = render::models(&list, width) + &render::queues(&list, width);
        output.print(&text)?;
    }
    Ok(Exit::Fine)
}
