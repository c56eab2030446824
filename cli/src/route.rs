//! `terrace route`: an answer, how it came to be, and an exit code that says how good it is.
//!
//! With `--stream` the answer is printed as it comes, from the moment that `--commit` says; an
//! attempt that is rejected shows on the spinner, or below what it had printed by then.

mod batch;
mod follow;
mod waiting;

use terrace_proto::router::v1::RouteResponse;

use crate::args::RouteArgs;
use crate::client::{Client, within};
use crate::error::{Trouble, finish};
use crate::exit::Exit;
use crate::output::Output;
use crate::{json, render, request};

use follow::follow;
use waiting::Waiting;

/// Sends the request and prints what comes back.
pub(crate) async fn run(server: &str, output: &Output, args: &RouteArgs) -> Exit {
    let done = Box::pin(route(server, *output, args)).await;
    finish(*output, args.json, done)
}

async fn route(server: &str, output: Output, args: &RouteArgs) -> Result<Exit, Trouble> {
    let client = Client::new(server)?;
    if let Some(file) = &args.batch {
        return batch::run(&client, output, file, args).await;
    }
    let request = request::build(&args.request)?;
    let response = if args.stream {
        follow(&client, request, output, args).await?
    } else {
        let waiting = Waiting::start(output.is_watched(), "waiting for an answer");
        let answered = client.router().route(within(request, args.timeout)).await;
        waiting.finish();
        let response = answered?.into_inner();
        if !args.json {
            output.print(&render::answer(&response))?;
        }
        response
    };
    if args.json {
        output.print_json(&json::response(&response))?;
    } else {
        output.print(&render::routing(&response, args.verbose, output.width()))?;
    }
    Ok(exit(&response))
}

const fn exit(response: &RouteResponse) -> Exit {
    if response.passed {
        Exit::Fine
    } else {
        Exit::NotPassed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_did_not_pass_has_an_exit_code_of_its_own() {
        assert_eq!(exit(&render::testing::accepted()), Exit::Fine);
        assert_eq!(exit(&render::testing::best_effort()), Exit::NotPassed);
    }
}
