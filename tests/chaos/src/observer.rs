//! The observer of budgets: reads PostgreSQL as nobody's friend, all the time.
//!
//! It looks in two ways. A trigger of its own, on the table of periods, writes down each state that
//! is above the cap, so that none goes unseen, however short; and a session reads the sums again and
//! again, as whoever looks from outside would see them.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use terrace_testkit::Session;
use tokio::sync::watch;

use crate::database::Database;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(3);
/// Until it looks again at a database that is away.
const AWAY: Duration = Duration::from_millis(100);

const TRIGGER: &str = "
    CREATE TABLE observed_breaches (
        at timestamptz NOT NULL DEFAULT clock_timestamp(), budget text NOT NULL,
        spent bigint NOT NULL, reserved bigint NOT NULL, allowed bigint NOT NULL);
    CREATE FUNCTION observe() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO observed_breaches (budget, spent, reserved, allowed)
            SELECT name, NEW.spent_nano_usd, NEW.reserved_nano_usd,
                   cap_nano_usd + NEW.topped_up_nano_usd
            FROM budgets WHERE budget_id = NEW.budget_id
             AND NEW.spent_nano_usd + NEW.reserved_nano_usd
                 > cap_nano_usd + NEW.topped_up_nano_usd;
            RETURN NULL;
        END $$;
    CREATE TRIGGER observe AFTER INSERT OR UPDATE ON budget_periods
        FOR EACH ROW EXECUTE FUNCTION observe()";

const LOOK: &str = "
    SELECT name, spent_nano_usd, reserved_nano_usd, cap_nano_usd + topped_up_nano_usd
    FROM budget_periods JOIN budgets USING (budget_id)";

const BREACHES: &str = "
    SELECT format('%s: %s spent and %s reserved of %s at %s', budget, spent, reserved, allowed, at)
    FROM observed_breaches ORDER BY at LIMIT 20";

/// What was seen of the budgets.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Observed {
    /// How often the sums were read.
    pub looks: u64,
    /// How often the database was away.
    pub away: u64,
    /// The most that was spent and reserved of what was allowed, in thousandths.
    pub fullest_per_mille: i64,
    /// States above the cap.
    pub breaches: Vec<String>,
}

/// A running observer.
#[derive(Debug)]
pub struct Observer {
    url: watch::Receiver<String>,
    stop: Sender<()>,
    thread: JoinHandle<Observed>,
}

impl Observer {
    /// Begins to look, once the ledger has made its tables; follows the database to another server.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn start(database: &Database) -> anyhow::Result<Self> {
        Session::open(&database.url())?.ask(TRIGGER)?;
        let (stop, stopped) = channel();
        let url = database.follow();
        let thread = std::thread::spawn({
            let url = url.clone();
            move || watch(&url, &stopped)
        });
        Ok(Self { url, stop, thread })
    }

    /// Ends, and says what was seen.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn end(self) -> anyhow::Result<Observed> {
        drop(self.stop);
        let seen = self.thread.join();
        let mut seen = seen.map_err(|_| anyhow!("the observer has failed"))?;
        let url = self.url.borrow().clone();
        let noted = Session::open(&url)?.ask(BREACHES)?;
        seen.breaches.extend(noted.into_iter().flatten());
        Ok(seen)
    }
}

fn watch(url: &watch::Receiver<String>, stopped: &Receiver<()>) -> Observed {
    let mut seen = Observed::default();
    let mut session = None;
    loop {
        let pause = match look(url, &mut session, &mut seen) {
            Ok(()) => PAUSE,
            Err(_) => {
                session = None;
                seen.away += 1;
                AWAY
            }
        };
        match stopped.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return seen,
        }
    }
}

fn look(
    url: &watch::Receiver<String>,
    session: &mut Option<Session>,
    seen: &mut Observed,
) -> anyhow::Result<()> {
    let session = match session {
        Some(session) => session,
        None => {
            let url = url.borrow().clone();
            session.insert(Session::open(&url)?)
        }
    };
    for row in session.ask(LOOK)? {
        let [name, numbers @ ..] = row.as_slice() else {
            continue;
        };
        let numbers: Result<Vec<i64>, _> = numbers.iter().map(|text| text.parse()).collect();
        let [spent, reserved, allowed] = numbers?.try_into().ok().context("a strange row")?;
        seen.note(name, spent, reserved, allowed);
    }
    seen.looks += 1;
    Ok(())
}

impl Observed {
    fn note(&mut self, name: &str, spent: i64, reserved: i64, allowed: i64) {
        let used = spent + reserved;
        let share = i128::from(used) * 1000 / i128::from(allowed.max(1));
        let share = i64::try_from(share).unwrap_or(i64::MAX);
        self.fullest_per_mille = self.fullest_per_mille.max(share);
        if used > allowed || spent < 0 || reserved < 0 {
            self.breaches.push(format!(
                "{name}: {spent} spent and {reserved} reserved of {allowed}, as it was read"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_nano_is_no_breach_and_one_more_is() {
        let mut seen = Observed::default();
        seen.note("installation/daily", 60, 40, 100);
        assert!(seen.breaches.is_empty());
        assert_eq!(seen.fullest_per_mille, 1000);
        seen.note("installation/daily", 60, 41, 100);
        seen.note("installation/daily", 60, -1, 100);
        assert_eq!(seen.breaches.len(), 2);
    }
}
