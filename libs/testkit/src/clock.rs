//! Time, where a test must not depend on the hour at which it runs.

use std::time::{SystemTime, UNIX_EPOCH};

/// The name of a time zone in which it is about noon, so that no test sees a new day begin.
#[must_use]
pub fn zone_with_noon_now() -> String {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let hour = since_1970.as_secs() / 3600 % 24;
    // The sign of these zones is the wrong way round: Etc/GMT+3 is three hours behind.
    match hour {
        12.. => format!("Etc/GMT+{}", hour - 12),
        _ => format!("Etc/GMT-{}", 12 - hour),
    }
}
