//! Sets, changes, pauses, tops up and removes budgets by call.
//!
//! What the config says of a budget the config alone may change: else the next start of a ledger
//! would silently undo the call. Pausing and topping up are for today's operator, and work for all.

use std::sync::Arc;

use sqlx::PgConnection;
use terrace_config::TimeZone;
use terrace_domain::{BudgetName, Failure, NanoUsd, Reason, Score};
use uuid::Uuid;

use crate::budget::{Origin, Standing};
use crate::error::Error;
use crate::store::budgets::{self, Terms};
use crate::store::{Store, Transaction};

/// What to change of a budget; what is absent stays as it is.
#[derive(Debug)]
pub(crate) struct SetBudget {
    pub(crate) name: BudgetName,
    pub(crate) cap: Option<NanoUsd>,
    pub(crate) alert_threshold: Option<Score>,
    pub(crate) time_zone: Option<TimeZone>,
    pub(crate) paused: Option<bool>,
    /// What the period at hand has on top of the cap; added once for each id.
    pub(crate) top_up: Option<(Uuid, NanoUsd)>,
    /// Takes it out of force.
    pub(crate) remove: bool,
    /// What a new budget has where nothing is said.
    pub(crate) defaults: (Score, TimeZone),
}

/// Changes the budget and says where it stands then.
pub(crate) async fn set_budget(store: &Store, ask: SetBudget) -> Result<Standing, Failure> {
    Ok(store.transact(Arc::new(ask)).await?)
}

impl Transaction for SetBudget {
    type Output = Standing;
    const NAME: &'static str = "set a budget";

    async fn run(&self, database: &mut PgConnection) -> Result<Standing, Error> {
        let known = budgets::lock(database, &self.name).await?;
        let terms = self.terms(known.as_ref())?;
        budgets::write(database, &self.name, &terms).await?;
        let period = budgets::period_at_hand(database, &self.name).await?;
        if let Some((id, amount)) = self.top_up {
            budgets::top_up(database, period, (id, amount)).await?;
        }
        budgets::rearm(database, period).await?;
        budgets::standing(database, period).await
    }
}

impl SetBudget {
    /// What the budget is from now on.
    fn terms(&self, known: Option<&Terms>) -> Result<Terms, Failure> {
        let known = known.filter(|known| known.active);
        let Some(known) = known else {
            return self.new_terms();
        };
        let changes_terms = self.cap.is_some()
            || self.alert_threshold.is_some()
            || self.time_zone.is_some()
            || self.remove;
        if known.origin == Origin::Config && changes_terms {
            let message = format!(
                "the budget {} stands in the config: change cost_control there and restart the \
                 ledger; a call can pause it and top it up",
                self.name
            );
            return Err(Failure::new(Reason::InvalidRequest, message));
        }
        Ok(Terms {
            cap: self.cap.unwrap_or(known.cap),
            alert_threshold: self.alert_threshold.unwrap_or(known.alert_threshold),
            time_zone: self.time_zone.unwrap_or(known.time_zone),
            paused: self.paused.unwrap_or(known.paused),
            active: !self.remove,
            origin: known.origin,
        })
    }

    fn new_terms(&self) -> Result<Terms, Failure> {
        let Some(cap) = self.cap.filter(|_| !self.remove) else {
            let message = format!(
                "there is no budget {}: give a cap to create it, or look at the list of budgets",
                self.name
            );
            return Err(Failure::new(Reason::NotFound, message));
        };
        let (alert_threshold, time_zone) = self.defaults;
        Ok(Terms {
            cap,
            alert_threshold: self.alert_threshold.unwrap_or(alert_threshold),
            time_zone: self.time_zone.unwrap_or(time_zone),
            paused: self.paused.unwrap_or(false),
            active: true,
            origin: Origin::Call,
        })
    }
}
