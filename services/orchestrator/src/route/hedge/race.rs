//! Two attempts at the same question, side by side: when the first was called, and who spoke first.

use tokio::sync::watch;

/// What the attempts of a race tell of themselves.
#[derive(Debug)]
pub(in crate::route) struct Race {
    state: watch::Sender<State>,
    /// Whether what is said leaves at once, so that only one may speak.
    one_speaks: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    called: bool,
    speaker: Option<u32>,
}

impl Race {
    pub(super) fn new(one_speaks: bool) -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            one_speaks,
        }
    }

    /// An attempt is calling its model.
    pub(in crate::route) fn calls(&self) {
        self.state.send_modify(|state| state.called = true);
    }

    /// An attempt has its first piece; returns whether it may go on.
    pub(in crate::route) fn speaks(&self, index: u32) -> bool {
        self.state.send_modify(|state| {
            state.speaker.get_or_insert(index);
        });
        !self.one_speaks || self.state.borrow().speaker == Some(index)
    }

    /// Waits until the first attempt is calling its model.
    pub(super) async fn called(&self) {
        self.wait_for(|state| state.called.then_some(())).await;
    }

    /// Waits until somebody has said something.
    pub(super) async fn spoken(&self) -> u32 {
        self.wait_for(|state| state.speaker).await
    }

    /// Waits until somebody has said something and nobody else may; for ever where all may.
    pub(super) async fn only_speaker(&self) -> u32 {
        if !self.one_speaks {
            std::future::pending::<()>().await;
        }
        self.spoken().await
    }

    async fn wait_for<T>(&self, what: impl Fn(&State) -> Option<T>) -> T {
        let mut states = self.state.subscribe();
        loop {
            if let Some(found) = what(&states.borrow_and_update()) {
                return found;
            }
            if states.changed().await.is_err() {
                // The sender is `self`: it does not go first.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_to_speak_is_the_speaker_and_only_one_may_where_it_leaves_at_once() {
        let race = Race::new(true);
        assert!(race.speaks(1));
        assert!(!race.speaks(0));
        assert!(race.speaks(1));
        assert_eq!(race.only_speaker().await, 1);
        let held_back = Race::new(false);
        assert!(held_back.speaks(1) && held_back.speaks(0));
        assert_eq!(held_back.spoken().await, 1);
    }
}
