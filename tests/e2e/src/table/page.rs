//! The page of the table, as Markdown.

use std::fmt::Write as _;

use super::{Asked, Case, Commit, Family, Policy, TIERS};
use terrace_testkit::provider::{Fault, Reply};

const HEAD: &str = "\
# Behaviour

What becomes of a request: under which config, with which answers of the models, in which attempts,
events and rows of the ledger. This page is written from the files in
[`tests/e2e/scenarios`](../tests/e2e/scenarios); each case is run as it stands here, with all services
in one process and with each in its own, so the page cannot say what Terrace does not do. After a
change of a file: `cargo run -p terrace-e2e --bin behaviour`.

An attempt is told as tier, model, outcome, reason and cost. A model whose answer is not shown gives a
good one. Where nothing else is said the ledger has one row an attempt, and these are the tiers:

";

/// The models in the order of their tiers.
const MODELS: [&str; 4] = ["small", "spare", "middle", "big"];

/// The whole page.
#[must_use]
pub fn page(families: &[Family]) -> String {
    let mut page = format!("{HEAD}```yaml\n{TIERS}```\n");
    for family in families {
        // Writing to a string cannot fail.
        let _written = write!(page, "\n## {}\n\n{}\n", family.title, family.about.trim());
        if !family.config.is_empty() {
            let _written = write!(page, "\n```yaml\n{}```\n", family.config);
        }
        for case in &family.cases {
            page.push_str(&told(case));
        }
    }
    page
}

fn told(case: &Case) -> String {
    let mut lines = vec![format!("\n### {}\n", case.claim)];
    lines.push(format!("- asked: {}", asked(&case.request)));
    let in_order = MODELS
        .iter()
        .filter_map(|model| case.backends.get_key_value(*model));
    for (model, replies) in in_order {
        let replies = replies.iter().map(|says| said(&says.reply()));
        let replies = replies.collect::<Vec<_>>().join(", then ");
        lines.push(format!("- `{model}` says: {replies}"));
    }
    if let Some(plan) = &case.plan {
        let plan = if plan.is_empty() {
            "nobody".to_owned()
        } else {
            plan.join(" → ")
        };
        lines.push(format!("- plan: {plan}"));
    }
    for why in &case.why {
        let (model, why) = why.split_once(": ").unwrap_or((why, ""));
        lines.push(format!("  - {model}: \"… {why} …\""));
    }
    if !case.events.is_empty() {
        lines.push(format!("- events: {}", case.events.join(", ")));
    }
    for (index, attempt) in case.attempts.iter().enumerate() {
        let start = format!("{index}: ");
        let detail = case.details.iter().find_map(|one| one.strip_prefix(&start));
        let detail = detail.map_or(String::new(), |detail| format!(", \"… {detail} …\""));
        lines.push(format!("- attempt {}: `{attempt}`{detail}", index + 1));
    }
    match &case.ledger {
        Some(rows) if rows.is_empty() => lines.push("- ledger: no row".to_owned()),
        Some(rows) => lines.extend(rows.iter().map(|row| format!("- ledger: `{row}`"))),
        None => {}
    }
    lines.push(format!("- {}", end(case)));
    lines.join("\n") + "\n"
}

fn end(case: &Case) -> String {
    let in_the_ledger = match case.outcome.as_str() {
        "-" => String::new(),
        outcome => format!(", in the ledger as `{outcome}`"),
    };
    match (&case.error, &case.answered_by) {
        (Some(reason), _) => format!("the caller gets `{reason}`{in_the_ledger}"),
        (None, Some(tier)) if case.cached => {
            format!("answered with a kept answer of `{tier}`, at no cost{in_the_ledger}")
        }
        (None, Some(tier)) => format!("answered by `{tier}`{in_the_ledger}"),
        (None, None) => format!("answered{in_the_ledger}"),
    }
}

fn asked(asked: &Asked) -> String {
    let mut parts = vec![format!("\"{}\"", asked.prompt)];
    if let Some(result) = &asked.tool_result {
        parts.push(format!("then a tool's result \"{result}\""));
    }
    let named = [("action", &asked.action), ("session", &asked.session)];
    let named = named.iter().filter(|(_, value)| !value.is_empty());
    parts.extend(named.map(|(name, value)| format!("{name} `{value}`")));
    if !asked.choice.is_empty() {
        parts.push(format!("one of `{}`", asked.choice.join("`, `")));
    }
    parts.extend(policy(&asked.policy));
    match asked.commit {
        Commit::HoldBack => {}
        Commit::Prefix => parts.push("streamed, committed after 4 tokens".to_owned()),
        Commit::Provisional => parts.push("streamed provisionally".to_owned()),
    }
    if let Some(millis) = asked.within_ms {
        parts.push(format!("within {millis} ms"));
    }
    parts.join(", ")
}

fn policy(policy: &Policy) -> Vec<String> {
    let text =
        |name: &str, value: &String| (!value.is_empty()).then(|| format!("`{name}: {value}`"));
    fn set<T: std::fmt::Display>(name: &str, value: Option<T>) -> Option<String> {
        value.map(|value| format!("`{name}: {value}`"))
    }
    let allowed = policy.allowed_tiers.join(", ");
    let all = [
        text("tier", &policy.tier),
        text("model", &policy.model),
        text("allowed_tiers", &allowed),
        set("quality_threshold", policy.quality_threshold),
        set("quality_check", policy.quality_check),
        set("max_attempts", policy.max_attempts),
        set("max_repairs", policy.max_repairs),
        set("max_cost_nano_usd", policy.max_cost_nano_usd),
        policy.strict.then(|| "`on_exhausted: STRICT`".to_owned()),
    ];
    all.into_iter().flatten().collect()
}

/// A reply in words.
fn said(reply: &Reply) -> String {
    let text = reply.text.trim().replace('\n', "⏎");
    let text = match text.char_indices().nth(100) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    };
    match &reply.fault {
        Fault::None => text,
        Fault::Status { code, .. } => format!("HTTP {code}"),
        Fault::Stall { after } => format!("{after} words of {text}, and then nothing more"),
        Fault::Truncate { after } | Fault::Disconnect { after } => {
            format!("{after} words of {text}, and hangs up")
        }
        other => format!("{other:?}"),
    }
}
