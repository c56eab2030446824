//! The rows of holds.

use std::collections::BTreeSet;

use terrace_domain::Step;

use super::rows::array;
use super::statement::Statement;
use crate::books::Hold;
use crate::commit::Page;

/// Writes new holds. One that was taken and ended in the same batch is written as it ended.
pub(super) fn take<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let (mut ids, mut steps, mut amounts, mut states) = (vec![], vec![], vec![], vec![]);
    let (mut tiers, mut backends, mut models, mut periods) = (vec![], vec![], vec![], vec![]);
    for (page, hold) in pages.flat_map(|page| chosen(page, &page.changes.new_holds)) {
        ids.push(page.identity.request_id.as_uuid());
        steps.push(hold.step.to_string());
        amounts.push(hold.amount.get());
        states.push(hold.state.as_str());
        tiers.push(hold.target.tier.as_str());
        backends.push(hold.target.backend.as_str());
        models.push(hold.target.model.as_str());
        periods.push(array(&hold.periods));
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("taken", TAKE)
        .bind(ids)
        .bind(steps)
        .bind(amounts)
        .bind(states)
        .bind(tiers)
        .bind(backends)
        .bind(models)
        .bind(periods);
}

const TAKE: &str = "
    INSERT INTO holds (request_id, step, amount_nano_usd, state, tier, backend, model,
                       period_ids, ended_at)
    SELECT request_id, step, amount, state, tier, backend, model, periods::bigint[],
           CASE WHEN state <> 'open' THEN now() END
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                $7::text[], $8::text[])
         AS new (request_id, step, amount, state, tier, backend, model, periods)";

/// Writes holds that have ended or grown.
pub(super) fn change<'a>(statement: &mut Statement, pages: impl Iterator<Item = &'a Page>) {
    let (mut ids, mut steps, mut amounts, mut states) = (vec![], vec![], vec![], vec![]);
    for (page, hold) in pages.flat_map(|page| chosen(page, &page.changes.changed_holds)) {
        ids.push(page.identity.request_id.as_uuid());
        steps.push(hold.step.to_string());
        amounts.push(hold.amount.get());
        states.push(hold.state.as_str());
    }
    if ids.is_empty() {
        return;
    }
    statement
        .part("changed_holds", CHANGE)
        .bind(ids)
        .bind(steps)
        .bind(amounts)
        .bind(states);
}

const CHANGE: &str = "
    UPDATE holds
    SET amount_nano_usd = changed.amount, state = changed.state,
        ended_at = CASE WHEN changed.state <> 'open' THEN now() END
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[])
         AS changed (request_id, step, amount, state)
    WHERE holds.request_id = changed.request_id AND holds.step = changed.step
      AND holds.state = 'open'";

/// The holds of these steps, each with its page.
fn chosen<'a>(
    page: &'a Page,
    steps: &'a BTreeSet<Step>,
) -> impl Iterator<Item = (&'a Page, &'a Hold)> {
    let holds = steps.iter().filter_map(|step| page.books.hold(*step));
    holds.map(move |hold| (page, hold))
}
