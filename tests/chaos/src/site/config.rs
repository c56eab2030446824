//! The config of a site: one file for all of its services.

use std::path::{Path, PathBuf};

use terrace_domain::NanoUsd;
use terrace_testkit::clock::zone_with_noon_now;
use terrace_testkit::provider::Provider;

use super::{Ground, HOST, Setup};

/// The config of all services of a site.
///
/// # Errors
/// There is no wire to one of them.
pub(super) fn yaml(setup: &Setup, ground: &Ground) -> anyhow::Result<String> {
    let [local, paid] = ground.models.each_ref().map(Provider::url);
    let at = &ground.ports;
    let [first, second] = at.gateways;
    let (ttl, zone) = (setup.reservation_ttl_s, zone_with_noon_now());
    let budget = usd(setup.daily_budget);
    let spool = spool_folder(setup, ground.folder.path());
    let spool = match setup.spool {
        true => format!("  spool: {{folder: '{}'}}\n", spool.display()),
        false => String::new(),
    };
    let backend = |name: &str, at: &str, more: &str, port: u16| {
        let further = ground.further(&format!("gateway-{name}"))?;
        anyhow::Ok(format!(
            "  {name}: {{kind: openai, url: '{at}/v1', max_concurrency: 512{more}, \
             gateway: {{listen: '{HOST}:{port}'{further}}}}}\n"
        ))
    };
    let service = |key: &str, port: u16| {
        let further = ground.further(&key.replace('_', "-"))?;
        anyhow::Ok(format!("  {key}: {{listen: '{HOST}:{port}'{further}}}\n"))
    };
    Ok([
        "tiers:\n  local_fast: {models: [{name: small, backend: local}]}\n",
        "  api_fallback: {models: [{name: big, backend: paid, price: {input: 3, output: 15}}]}\n",
        "backends:\n",
        &backend("local", &local, "", first)?,
        &backend("paid", &paid, ", paid: true", second)?,
        "routing: {default_deadline: 10s}\n",
        &format!("cost_control: {{daily_budget: {budget}, time_zone: {zone}}}\n"),
        &format!("ledger:\n  reservation_ttl: {ttl}s\n  reaper_interval: 500ms\n{spool}"),
        // A lease pays some fifty calls, worst case.
        &format!(
            "  leases: {{enabled: {}, slice: 0.05, ttl: 2s}}\n",
            setup.leases
        ),
        &format!(
            "edge: {{listen: '{HOST}:{}'{}}}\n",
            at.edge,
            ground.metrics_of("edge")
        ),
        "services:\n",
        &service("orchestrator", at.orchestrator)?,
        &service("cost_ledger", at.ledger)?,
        &service("classifier", at.classifier)?,
        &service("quality_judge", at.judge)?,
    ]
    .concat())
}

/// On the small disk, where there is one.
fn spool_folder(setup: &Setup, folder: &Path) -> PathBuf {
    let around = setup.surroundings.as_ref();
    let disk = around.and_then(|around| around.spool_disk.as_ref());
    disk.map_or(folder, |disk| disk.path()).join("spool")
}

/// An amount as people write it.
fn usd(amount: NanoUsd) -> String {
    let (whole, nanos) = (amount.get() / 1_000_000_000, amount.get() % 1_000_000_000);
    format!("{whole}.{nanos:09}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_written_to_the_last_nano() {
        assert_eq!(usd(NanoUsd::new(12_000_000_345)), "12.000000345");
    }
}
