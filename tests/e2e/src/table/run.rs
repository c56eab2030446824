//! Runs the cases of a family against a real Terrace and says where they differ from the table.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use terrace_proto::common::v1::{
    ChoiceFormat, Message, Part, ResponseFormat, Role, ToolCall, ToolResult, part, response_format,
};
use terrace_proto::convert::text_message;
use terrace_proto::router::v1 as router;
use terrace_proto::router::v1::route_stream_response::Event;
use terrace_rpc::Deadline;
use terrace_rpc::deadline::request_within;
use terrace_testkit::provider::{Reply, Rule, Script};
use tokio_stream::StreamExt as _;
use tonic::Status;

use super::{Asked, Case, Commit, Family};
use crate::ask::{PATIENCE, failed_attempts, failure, told};
use crate::scenario::GOOD;
use crate::{Placement, Sandbox, books};

/// Runs all cases of a family.
///
/// # Errors
/// Something is not as the table has it; the message names the case and shows both.
pub async fn run(placement: Placement, family: &Family) -> anyhow::Result<()> {
    let sandbox = Sandbox::with_config(placement, &family.config()).await?;
    for case in &family.cases {
        let done = Box::pin(check(&sandbox, case)).await;
        done.with_context(|| format!("{}: {}", family.title, case.claim))?;
    }
    let held = books::reserved(&sandbox.database);
    ensure!(held == (0, 0), "something is left reserved: {held:?}");
    Ok(())
}

/// What a stream said.
#[derive(Debug, Default)]
struct Seen {
    plan: Option<router::Plan>,
    request_id: String,
    events: Vec<String>,
    response: Option<router::RouteResponse>,
    error: Option<Status>,
}

async fn check(sandbox: &Sandbox, case: &Case) -> anyhow::Result<()> {
    let script = |models: &[&str]| {
        let mut script = Script {
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            ..Script::default()
        };
        for (model, replies) in &case.backends {
            let replies = replies.iter().map(super::Says::reply);
            script = script.rule(Rule::replying(replies).model(model));
        }
        script.otherwise(Reply::text(GOOD))
    };
    sandbox
        .local
        .set_script(script(&["small", "middle", "spare"]));
    sandbox.paid.set_script(script(&["big"]));
    let asked = request(&case.request);
    let explained = explain(sandbox, &case.request, asked.clone()).await?;
    let seen = listen(sandbox, &case.request, asked).await?;
    check_plan(case, &explained, &seen)?;
    same("events", &seen.events, &case.events)?;
    let (attempts, passed) = end(case, &seen)?;
    same("attempts", &told(&attempts), &case.attempts)?;
    check_details(case, &attempts)?;
    let rows = books::rows(&sandbox.database, &seen.request_id);
    same(
        "rows",
        &rows,
        case.ledger.as_ref().unwrap_or(&case.attempts),
    )?;
    let outcome = books::outcome(&sandbox.database, &seen.request_id);
    ensure!(
        outcome == case.outcome,
        "outcome {outcome} for {}",
        case.outcome
    );
    ensure!(
        passed.is_none_or(|passed| passed == (outcome == "PASSED")),
        "the ledger says {outcome}, and the response passed: {passed:?}"
    );
    Ok(())
}

/// The plan is as expected, the same beforehand and in the stream.
fn check_plan(case: &Case, explained: &router::Plan, seen: &Seen) -> anyhow::Result<()> {
    let Some(wanted) = &case.plan else {
        return Ok(());
    };
    let names = |plan: &router::Plan| -> Vec<String> {
        let models = plan.candidates.iter();
        models.map(|candidate| candidate.model.clone()).collect()
    };
    same("plan", &names(explained), wanted)?;
    if let Some(plan) = &seen.plan {
        same("plan of the stream", &names(plan), wanted)?;
    }
    for why in &case.why {
        let (model, part) = why.split_once(": ").context("why is MODEL: text")?;
        let candidates = explained.candidates.iter();
        let tried = candidates.map(|one| (&one.model, &one.why));
        let left_out = explained.left_out.iter().map(|one| (&one.model, &one.why));
        let said = tried.chain(left_out).find(|(name, _)| *name == model);
        let (_, said) = said.with_context(|| format!("the plan does not know {model}"))?;
        ensure!(said.contains(part), "of {model} it is said: {said}");
    }
    Ok(())
}

fn check_details(case: &Case, attempts: &[router::Attempt]) -> anyhow::Result<()> {
    for detail in &case.details {
        let (index, part) = detail.split_once(": ").context("details are INDEX: text")?;
        let index: usize = index.parse()?;
        let attempt = attempts.get(index).context("there is no such attempt")?;
        let said = &attempt.detail;
        ensure!(said.contains(part), "of attempt {index} it is said: {said}");
    }
    Ok(())
}

/// The attempts of the response or of the error, and whether the answer passed.
fn end(case: &Case, seen: &Seen) -> anyhow::Result<(Vec<router::Attempt>, Option<bool>)> {
    match (&seen.response, &seen.error) {
        (Some(response), None) => {
            ensure!(case.error.is_none(), "it was answered");
            let tier = response.decision.as_ref().map(|made| made.tier.clone());
            ensure!(tier == case.answered_by, "{tier:?} answered");
            let is_cached = response.cached.is_some();
            ensure!(is_cached == case.cached, "kept: {is_cached}");
            let cost: i64 = response.attempts.iter().map(|one| one.cost_nano_usd).sum();
            ensure!(cost == response.cost_nano_usd, "the parts do not add up");
            Ok((response.attempts.clone(), Some(response.passed)))
        }
        (None, Some(status)) => {
            let reason = failure(status).reason.to_string();
            let wanted = case.error.as_ref();
            ensure!(Some(&reason) == wanted, "it failed: {status:?}");
            Ok((failed_attempts(status), None))
        }
        _ => bail!("a stream has one end, and this one was {seen:?}"),
    }
}

fn same(what: &str, is: &[String], wanted: &[String]) -> anyhow::Result<()> {
    ensure!(
        is == wanted,
        "{what} are\n  {is:#?}\nand should be\n  {wanted:#?}"
    );
    Ok(())
}

fn time(asked: &Asked) -> Duration {
    asked.within_ms.map_or(PATIENCE, Duration::from_millis)
}

async fn explain(
    sandbox: &Sandbox,
    asked: &Asked,
    request: router::RouteRequest,
) -> anyhow::Result<router::Plan> {
    let request = router::ExplainRequest {
        request: Some(request),
    };
    let request = request_within(request, Deadline::within(time(asked)));
    let explained = sandbox.router().explain(request).await?.into_inner();
    explained.plan.context("no plan")
}

async fn listen(
    sandbox: &Sandbox,
    asked: &Asked,
    request: router::RouteRequest,
) -> anyhow::Result<Seen> {
    let request = router::RouteStreamRequest {
        request: Some(request),
        commit_mode: match asked.commit {
            Commit::HoldBack => router::CommitMode::HoldBack,
            Commit::Prefix => router::CommitMode::Prefix,
            Commit::Provisional => router::CommitMode::Provisional,
        }
        .into(),
        prefix_tokens: if asked.commit == Commit::Prefix { 4 } else { 0 },
    };
    let request = request_within(request, Deadline::within(time(asked)));
    let mut events = sandbox.router().route_stream(request).await?.into_inner();
    let mut seen = Seen::default();
    while let Some(message) = events.next().await {
        match message {
            Ok(message) => seen.take(message.event.context("an event of nothing")?),
            Err(status) => seen.error = Some(status),
        }
    }
    Ok(seen)
}

impl Seen {
    fn take(&mut self, event: Event) {
        let name = match event {
            Event::PlanMade(made) => {
                self.plan = made.plan;
                self.request_id = made.request_id;
                "plan_made"
            }
            Event::AttemptStarted(_) => "attempt_started",
            Event::AttemptRejected(_) => "attempt_rejected",
            Event::Committed(_) => "committed",
            Event::Chunk(chunk) if chunk.provisional => "provisional chunks",
            Event::Chunk(_) => "chunks",
            Event::Completed(response) => {
                self.request_id.clone_from(&response.request_id);
                self.response = Some(response);
                "completed"
            }
        };
        if self.events.last().is_none_or(|last| last != name) {
            self.events.push(name.to_owned());
        }
    }
}

fn request(asked: &Asked) -> router::RouteRequest {
    let choice = (!asked.choice.is_empty()).then(|| ResponseFormat {
        kind: Some(response_format::Kind::Choice(ChoiceFormat {
            options: asked.choice.clone(),
        })),
    });
    router::RouteRequest {
        action: asked.action.clone(),
        messages: messages(asked),
        response_format: choice,
        policy: Some(policy(asked)),
        session_id: asked.session.clone(),
        ..router::RouteRequest::default()
    }
}

fn policy(asked: &Asked) -> router::RoutePolicy {
    let policy = &asked.policy;
    let on_exhausted = if policy.strict {
        router::OnExhausted::Strict
    } else {
        router::OnExhausted::Unspecified
    };
    router::RoutePolicy {
        tier: policy.tier.clone(),
        model: policy.model.clone(),
        allowed_tiers: policy.allowed_tiers.clone(),
        quality_threshold: policy.quality_threshold,
        quality_check: policy.quality_check,
        max_attempts: policy.max_attempts,
        max_repairs: policy.max_repairs,
        max_cost_nano_usd: policy.max_cost_nano_usd,
        on_exhausted: on_exhausted.into(),
        ..router::RoutePolicy::default()
    }
}

/// The prompt, and after it, if there is one, a tool's call and its result.
fn messages(asked: &Asked) -> Vec<Message> {
    let mut messages = vec![text_message(Role::User, asked.prompt.clone())];
    if let Some(result) = &asked.tool_result {
        let turn = |role: Role, kind| Message {
            role: role.into(),
            parts: vec![Part { kind: Some(kind) }],
        };
        let call = part::Kind::ToolCall(ToolCall {
            id: "call-1".to_owned(),
            name: "look".to_owned(),
            arguments_json: "{}".to_owned(),
        });
        let result = part::Kind::ToolResult(ToolResult {
            tool_call_id: "call-1".to_owned(),
            content: result.clone(),
            ..ToolResult::default()
        });
        messages.push(turn(Role::Assistant, call));
        messages.push(turn(Role::Tool, result));
    }
    messages
}
