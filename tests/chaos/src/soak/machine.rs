//! How busy the machine is: a window that was slow because of others is told from one that was not.

use std::fs;

use anyhow::Context as _;

/// Time that all cores have spent so far, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    /// As the kernel counts them.
    ///
    /// # Errors
    /// This system has no `/proc/stat`, or it is no Linux's.
    pub fn now() -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        Self::read(&text).context("/proc/stat does not begin with the time of all cores")
    }

    /// The first line: user, nice, system, idle, waiting for disks, and what is stolen or served
    /// besides. What guests took is in the first two already.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Option<Vec<u64>> = line
            .split_whitespace()
            .take(8)
            .map(|ticks| ticks.parse().ok())
            .collect();
        let ticks = ticks?;
        Some(Self {
            all: ticks.iter().sum(),
            idle: ticks.get(3)? + ticks.get(4)?,
        })
    }

    /// Percent of the time since `before` in which the cores were not idle.
    #[must_use]
    pub fn busy_since(self, before: Self) -> u64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        (all.saturating_sub(idle) * 100)
            .checked_div(all)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_waits_for_disks_is_idle_and_that_of_others_is_not() {
        let before = Ticks::read("cpu  100 0 50 800 50 0 0 0 9 9\ncpu0 1").unwrap();
        let after = Ticks::read("cpu  130 10 60 830 60 2 3 5 99 99\n").unwrap();
        assert_eq!(after.busy_since(before), 60);
        assert_eq!(after.busy_since(after), 0);
        assert!(Ticks::read("intr 5").is_none() && Ticks::read("cpu  1 2").is_none());
    }
}
