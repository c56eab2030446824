//! Pieces that are there together go on together.
//!
//! A piece costs its way through every layer up to the client, however short it is. A backend that
//! writes faster than they are taken has several waiting: their text goes on as one piece. Nobody
//! waits for company, nothing is reordered, and only text is put together.

use futures::StreamExt as _;
use futures::stream;

use super::{Event, Events, Item};

/// As many events as are looked at at once.
const MOST: usize = 64;

/// The same events, text that is there at once put together.
pub(super) fn together(events: Events) -> Events {
    let groups = events.ready_chunks(MOST);
    groups
        .flat_map(|events| stream::iter(joined(events)))
        .boxed()
}

fn joined(events: Vec<Item>) -> Vec<Item> {
    let mut joined: Vec<Item> = Vec::with_capacity(events.len().min(4));
    for event in events {
        match (joined.last_mut(), event) {
            (Some(Ok(Event::Delta(kept))), Ok(Event::Delta(more)))
                if kept.is_text() && more.is_text() =>
            {
                kept.append(more);
            }
            (_, event) => joined.push(event),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ToolCallDelta;
    use crate::generate::Delta;
    use proptest::prelude::*;
    use terrace_domain::Usage;

    fn text(text: &str) -> Item {
        Ok(Event::Delta(Delta {
            text: text.to_owned(),
            ..Delta::default()
        }))
    }

    fn tool_call() -> Item {
        Ok(Event::Delta(Delta {
            tool_call: Some(ToolCallDelta::default()),
            ..Delta::default()
        }))
    }

    fn usage() -> Item {
        Ok(Event::Usage(Usage::default()))
    }

    #[tokio::test]
    async fn what_is_there_at_once_is_one_piece() {
        let events = stream::iter([usage(), text("a"), text("b"), tool_call(), text("c")]);
        let all: Vec<Item> = together(events.boxed()).collect().await;
        assert_eq!(all, [usage(), text("ab"), tool_call(), text("c")]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_is_not_waited_for() {
        let events = stream::iter([text("a"), text("b")]).then(|event| async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            event
        });
        let all: Vec<Item> = together(events.boxed()).collect().await;
        assert_eq!(all, [text("a"), text("b")]);
    }

    proptest! {
        /// Text of one run of letters is one piece; what is no text keeps its place.
        #[test]
        fn nothing_is_lost_or_reordered(word in "[a-c.!]{0,200}") {
            let events = word.chars().map(|letter| match letter {
                '.' => tool_call(),
                '!' => usage(),
                letter => text(&letter.to_string()),
            });
            let told = |item: &Item| match item {
                Ok(Event::Delta(delta)) if delta.is_text() => delta.text.clone(),
                Ok(Event::Delta(_)) => ".".to_owned(),
                _ => "!".to_owned(),
            };
            let all: String = joined(events.collect()).iter().map(told).collect();
            prop_assert_eq!(all, word);
        }
    }
}
