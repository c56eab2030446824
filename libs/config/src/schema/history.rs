//! `ledger.history`: how long the rows of the books are kept, and in what pieces.

use std::time::Duration;

use crate::decode::Section;
use crate::read::duration;

/// How long the rows of the books are kept, and in what pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// After this the rows of a closed request are deleted; what was rolled up of them stays.
    /// Default: never.
    pub retention: Option<Duration>,
    /// After this what was rolled up is deleted too. Default: never.
    pub rollup_retention: Option<Duration>,
    /// The time that one partition of the tables holds. What is shorter is deleted sooner, what is
    /// longer makes fewer tables. Default: 7 d.
    pub partition: Duration,
    /// How often hours that have passed are rolled up. Default: 1 min.
    pub rollup_interval: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            retention: None,
            rollup_retention: None,
            partition: 7 * DAY,
            rollup_interval: Duration::from_mins(1),
        }
    }
}

const DAY: Duration = Duration::from_hours(24);

impl History {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let days = || duration(DAY..=36_500 * DAY);
        let history = Self {
            retention: section.get("retention", days()),
            rollup_retention: section.get("rollup_retention", days()),
            partition: section.or("partition", default.partition, duration(DAY..=366 * DAY)),
            rollup_interval: section.or(
                "rollup_interval",
                default.rollup_interval,
                duration(Duration::from_secs(1)..=DAY),
            ),
        };
        if let (Some(rows), Some(rolled)) = (history.retention, history.rollup_retention)
            && rolled < rows
        {
            section.problem(
                "rollup_retention",
                "is shorter than `retention`: rolled-up sums would go before their rows",
            );
        }
        if history.rollup_retention.is_some() && history.retention.is_none() {
            section.problem(
                "rollup_retention",
                "needs `retention`: sums of rows that are kept would be made again",
            );
        }
        history
    }
}
