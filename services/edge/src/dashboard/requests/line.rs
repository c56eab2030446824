//! A request in the list: what its steps come to.

use maud::{Markup, html};
use terrace_proto::ledger::v1 as wire;

use super::one::path;
use crate::dashboard::format::{NONE, amount, at, day, hour, moment, score, seconds, span};
use crate::dashboard::words;

/// The steps of one request, as the ledger lists them.
#[derive(Debug)]
pub(super) struct Line<'a> {
    steps: &'a [wire::UsageEvent],
    first: &'a wire::UsageEvent,
}

/// The requests that these steps belong to, in their order: steps of a request stand together.
pub(super) fn lines(events: &[wire::UsageEvent]) -> Vec<Line<'_>> {
    let of_one =
        |one: &wire::UsageEvent, other: &wire::UsageEvent| one.request_id == other.request_id;
    let mut lines = Vec::new();
    for steps in events.chunk_by(of_one) {
        if let Some(first) = steps.first() {
            lines.push(Line { steps, first });
        }
    }
    lines
}

/// From the first step's beginning to the last one's end, in seconds.
pub(super) fn took<'a>(steps: impl Iterator<Item = &'a wire::StepSettlement>) -> Option<f64> {
    let ends = steps.filter_map(|step| {
        let from = at(step.started_at.as_ref())?.unix_timestamp_nanos() as f64 / 1e9;
        Some((from, from + seconds(step.latency.as_ref())?))
    });
    let ends = ends.reduce(|(from, until), (other_from, other_until)| {
        (from.min(other_from), until.max(other_until))
    });
    ends.map(|(from, until)| until - from)
}

impl Line<'_> {
    pub(super) fn id(&self) -> &str {
        &self.first.request_id
    }

    pub(super) fn closed_nanos(&self) -> i128 {
        let closed = at(self.first.closed_at.as_ref());
        closed.map_or(0, time::OffsetDateTime::unix_timestamp_nanos)
    }

    /// The step that the caller got, if there is one.
    fn answer(&self) -> Option<&wire::UsageEvent> {
        self.steps.iter().find(|event| event.answered)
    }

    fn settled(&self) -> impl Iterator<Item = &wire::StepSettlement> {
        self.steps.iter().filter_map(|event| event.step.as_ref())
    }

    /// The row of the list; `is_fresh` shows that it has just come.
    pub(super) fn row(&self, is_fresh: bool) -> Markup {
        let answer = self.answer();
        let step = answer.and_then(|event| event.step.as_ref());
        let target = step.and_then(|step| step.target.as_ref());
        let attempts = self
            .settled()
            .filter(|step| step.step.starts_with("attempt/"));
        let cost: i64 = self.settled().map(|step| step.cost_nano_usd).sum();
        let baseline = answer.and_then(|event| event.baseline_nano_usd);
        let saved = baseline.map_or_else(
            || NONE.to_owned(),
            |baseline| amount(baseline.saturating_sub(cost)),
        );
        html! {
            tr class=[is_fresh.then_some("fresh")] {
                th scope="row" class="nowrap" { a href=(path(self.id(), &self.first.project)) title=(moment(self.first.closed_at.as_ref())) { (clock(self.first.closed_at.as_ref())) } }
                td { (words::request_outcome(self.first.request_outcome())) }
                td { @if self.first.action.is_empty() { span class="dim" { "none" } } @else { (self.first.action) } }
                td class="more" { (self.first.project) }
                td { @match target { Some(target) => { (target.model) " " span class="dim nowrap" { (target.tier) } }, None => span class="dim" { "nobody" } } }
                td class="right" { (score(step.and_then(|step| step.score))) }
                td class="right" { (attempts.count()) }
                td class="right" { (span(took(self.settled()))) }
                td class="right" { (amount(cost)) }
                td class="right more" { (saved) }
            }
        }
    }
}

/// The time of day, and its day where there is room.
fn clock(stamp: Option<&prost_types::Timestamp>) -> Markup {
    let at = at(stamp);
    let seconds = at.map_or(0, time::OffsetDateTime::second);
    html! { span class="more" { (day(at)) " " } (hour(at)) ":" (format!("{seconds:02}")) }
}
