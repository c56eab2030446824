//! `terrace explain`: the plan that a request would get, without calling any model.

use terrace_domain::{Failure, Reason};
use terrace_proto::router::v1::ExplainRequest;

use crate::args::ExplainArgs;
use crate::client::{Client, within};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render, request};

/// Asks for the plan and prints it.
pub(crate) async fn run(server: &str, output: &Output, args: &ExplainArgs) -> Exit {
    let done = Box::pin(explain(server, *output, args)).await;
    finish(*output, args.json, done)
}

async fn explain(server: &str, output: Output, args: &ExplainArgs) -> Result<Exit, Trouble> {
    let request = ExplainRequest {
        request: Some(request::build(&args.request)?),
    };
    let mut router = Client::new(server)?.router();
    let explained = router
        .explain(within(request, args.timeout))
        .await?
        .into_inner();
    let Some(plan) = explained.plan else {
        let message = "the server explained nothing: is it of the same version?";
        return Err(Failure::new(Reason::Internal, message).into());
    };
    if args.json {
        output.print_json(&json::plan(&plan))?;
    } else {
        output.print(&render::plan(&plan, output.width()))?;
    }
    Ok(Exit::Fine)
}
