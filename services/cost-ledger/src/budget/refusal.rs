//! What a refusal says: which budgets stand in the way, where they stand, when to come back.

use std::time::Duration;

use terrace_domain::{Failure, NanoUsd, QuotaViolation, Reason};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Standing;

/// The refusal of a hold of `asked` at `now` by these budgets, of which there is at least one.
pub(super) fn refusal(by: &[&Standing], asked: NanoUsd, now: OffsetDateTime) -> Failure {
    let names: Vec<String> = by.iter().map(|budget| short(budget)).collect();
    let advice = match by.iter().any(|budget| budget.paused) {
        true => "use a model that is free, or have the budget resumed".to_owned(),
        false => format!(
            "use a cheaper tier, wait until {}, or have the budget raised or topped up",
            text(ends(by)),
        ),
    };
    let message = format!(
        "this step may cost {asked}, and {}: {advice}",
        names.join(" and ")
    );
    let mut failure = Failure::new(Reason::BudgetExhausted, message);
    if !by.iter().any(|budget| budget.paused) {
        failure = failure.retry_after(Duration::try_from(ends(by) - now).unwrap_or_default());
    }
    for budget in by {
        failure = failure.quota(violation(budget, asked));
    }
    failure
}

fn short(budget: &Standing) -> String {
    match budget.paused {
        true => format!("the budget {} is paused", budget.name),
        false => format!("the budget {} has {} left", budget.name, budget.left()),
    }
}

fn violation(budget: &Standing, asked: NanoUsd) -> QuotaViolation {
    let (zone, span) = (budget.time_zone.name(), budget.name.span.period());
    let paused = if budget.paused { "is paused; " } else { "" };
    QuotaViolation {
        subject: format!("budget:{}", budget.name),
        description: format!(
            "{paused}allows {} a {span} ({zone}), spent {}, reserved {}, asked for {asked}; \
             the {span} ends at {}",
            budget.allowed(),
            budget.spent,
            budget.reserved,
            text(budget.period.end),
        ),
    }
}

/// When the last of the periods ends: before that at least one of them refuses.
fn ends(by: &[&Standing]) -> OffsetDateTime {
    let ends = by.iter().map(|budget| budget.period.end).max();
    ends.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::tests::{NOW, standing};

    const ASKED: NanoUsd = NanoUsd::new(200_000_000);

    #[test]
    fn a_refusal_says_what_is_left_and_when_to_come_back() {
        let budget = standing("installation/daily", 9_500_000_000, 400_000_000);
        let refusal = refusal(&[&budget], ASKED, NOW);
        assert_eq!(refusal.reason, Reason::BudgetExhausted);
        assert_eq!(refusal.retry_after, Some(Duration::from_hours(4)));
        assert_eq!(refusal.quotas[0].subject, "budget:installation/daily");
        for part in [
            "$10.000000 a day",
            "spent $9.500000",
            "reserved $0.400000",
            "asked for $0.200000",
            "2026-11-23T00:00:00Z",
        ] {
            assert!(
                refusal.quotas[0].description.contains(part),
                "{part}: {refusal:?}"
            );
        }
        assert!(refusal.message.contains("$0.100000 left"), "{refusal}");
    }

    #[test]
    fn every_budget_in_the_way_is_named_and_the_last_to_open_counts() {
        let day = standing("installation/daily", 10_000_000_000, 0);
        let month = standing("project/search/monthly", 9_900_000_000, 0);
        let refusal = refusal(&[&day, &month], ASKED, NOW);
        let subjects = refusal.quotas.iter().map(|quota| quota.subject.as_str());
        assert!(subjects.eq(["budget:installation/daily", "budget:project/search/monthly"]));
        let wait = Duration::from_hours(8 * 24 + 4);
        assert_eq!(refusal.retry_after, Some(wait), "the month is longer");
        assert!(refusal.quotas[1].description.contains("a month"));
    }

    #[test]
    fn nobody_is_told_to_wait_for_a_paused_budget() {
        let mut budget = standing("installation/daily", 0, 0);
        budget.paused = true;
        let refusal = refusal(&[&budget], ASKED, NOW);
        assert_eq!(refusal.retry_after, None);
        assert!(refusal.message.contains("is paused"), "{refusal}");
    }
}
