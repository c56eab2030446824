//! Projects and keys as tables.

use std::time::SystemTime;

use prost_types::Timestamp;
use terrace_proto::convert::timestamp;
use terrace_proto::ledger::v1::{Key, Project};

use super::cost::day_and_time;
use crate::table::{Grid, Tone};
use crate::wording::{clean, span};

/// Projects by name.
pub(crate) fn projects(projects: &[Project], width: Option<u16>) -> String {
    let mut grid = Grid::new(&["project", "created"], width);
    for project in projects {
        grid.row([
            (Tone::Strong, clean(&project.name).as_str()),
            (Tone::Plain, &day_and_time(project.created_at.as_ref())),
        ]);
    }
    grid.render()
}

/// Keys, newest first, as they stand at `now`.
pub(crate) fn keys(keys: &[Key], now: SystemTime, width: Option<u16>) -> String {
    if keys.is_empty() {
        return "there are no keys: `terrace key create NAME` makes one\n".to_owned();
    }
    let columns = [
        "key",
        "name",
        "project",
        "secret",
        "may",
        ">per minute",
        "state",
    ];
    let mut grid = Grid::new(&columns, width);
    for key in keys {
        let (tone, state) = state(key, now);
        let limit = match key.requests_per_minute {
            0 => String::new(),
            limit => limit.to_string(),
        };
        grid.row([
            (Tone::Plain, key.key_id.as_str()),
            (Tone::Strong, &clean(&key.name)),
            (Tone::Plain, &clean(&key.project)),
            (Tone::Dim, &clean(&key.hint)),
            (Tone::Plain, &key.scopes.join(",")),
            (Tone::Plain, &limit),
            (tone, &state),
        ]);
    }
    grid.render()
}

fn state(key: &Key, now: SystemTime) -> (Tone, String) {
    if key.revoked_at.is_some() {
        let at = day_and_time(key.revoked_at.as_ref());
        return (Tone::Bad, format!("revoked {at}"));
    }
    let left = |at: &Timestamp| timestamp(at).and_then(|at| at.duration_since(now).ok());
    match key.expires_at.as_ref().map(left) {
        None => (Tone::Good, "valid".to_owned()),
        Some(Some(left)) => (Tone::Good, format!("valid for {}", span(left))),
        Some(None) => (Tone::Bad, "expired".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};
    use terrace_proto::convert::wire_timestamp;

    fn key(name: &str, expires: Option<u64>, revoked: bool) -> Key {
        let at = |seconds| wire_timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        Key {
            key_id: "0190f4c8-5c96-774b-bcce-b302099a8057".into(),
            project: "search".into(),
            name: name.into(),
            hint: "tk_ab12…wxyz".into(),
            scopes: vec!["route".into()],
            expires_at: expires.map(at),
            revoked_at: revoked.then(|| at(5)),
            requests_per_minute: 60,
            ..Key::default()
        }
    }

    #[test]
    fn a_key_says_whether_it_can_still_be_used() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let told = |key: Key| {
            let text = keys(&[key], now, None);
            anstream::adapter::strip_str(&text).to_string()
        };
        assert!(told(key("a", None, false)).contains("60  valid\n"));
        assert!(told(key("a", Some(8200), false)).contains("valid for 2h 0m"));
        assert!(told(key("a", Some(900), false)).contains("expired"));
        assert!(told(key("a", Some(8200), true)).contains("revoked 1970-01-01"));
        assert!(keys(&[], now, None).contains("terrace key create"));
    }
}
