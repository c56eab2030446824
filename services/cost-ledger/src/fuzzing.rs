//! What reads bytes from outside, as fuzz targets see it: bytes in, nothing out.

use std::sync::LazyLock;

use terrace_config::Secret;

use crate::accounts::Secrets;
use crate::config::Settings;
use crate::grpc::{self, Rules};
use crate::spool;

/// Rules as the built-in config has them, with keys.
static RULES: LazyLock<Option<Rules>> = LazyLock::new(|| {
    let loaded = terrace_config::parse("", "none", []).ok()?;
    let pepper = Secret::Value("a pepper that is long enough".to_owned().into());
    let secrets = Secrets::new(&pepper, &Secret::Unset).ok()?;
    Some(Rules::new(&Settings::from_config(&loaded.config), secrets))
});

/// The messages of callers.
pub fn messages(data: &[u8]) {
    if let Some(rules) = &*RULES {
        grpc::read_any(data, rules);
    }
}

/// What lies in the folder of a spool, and the settlements in it.
pub fn spooled(data: &[u8]) {
    if let Some(rules) = &*RULES {
        let records = spool::records(data);
        records
            .iter()
            .for_each(|record| grpc::read_any(record, rules));
    }
}
