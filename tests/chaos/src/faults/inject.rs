//! How a fault begins and how it ends; after its end everything is as it was before.

use std::time::Duration;

use anyhow::{Context as _, bail};
use terrace_testkit::{Provider, Relay, Session, Wire, process};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use super::crowd::Crowd;
use super::fault::{Fault, Kind};
use super::lies;
use crate::site::{HOST, Site, big, small};
use crate::surroundings::{CALLED, Clocks, Disk};

/// How much later each piece is on a slow wire.
const SLOW: Duration = Duration::from_millis(200);
/// How far a clock is off, in seconds.
const HOUR: i64 = 3600;
/// What is left to a certificate that is about to expire: long enough to be read by everybody.
const LEFT: Duration = Duration::from_secs(3);
/// How long a wire is cut so that everybody has to connect anew.
const SHORTLY: Duration = Duration::from_millis(300);
/// Until PostgreSQL is back.
const BACK: Duration = Duration::from_secs(60);

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// Begins; what is returned has to live until it ends.
///
/// # Errors
/// It cannot be done.
pub(crate) async fn begin(site: &Site, fault: Fault) -> anyhow::Result<Option<Crowd>> {
    let Fault { kind, whom } = fault;
    match kind {
        Kind::Stopped => signal(site, whom, "STOP")?,
        Kind::Cut => set(site, whom, Wire::Cut)?,
        Kind::Blackholed => set(site, whom, Wire::Stuck)?,
        Kind::Slowed => set(site, whom, Wire::Slow(SLOW))?,
        Kind::ReadOnly => read_only(site, "SET default_transaction_read_only = on")?,
        Kind::NoConnections => return crowd(site).await.map(Some),
        Kind::FailedOver => site.database.primary().kill().await?,
        Kind::Promoted => site.database.lose_primary().await?,
        Kind::DiskFull => fill(site, whom)?,
        Kind::ClockAhead => clocks(site)?.set(whom, HOUR)?,
        Kind::ClockBehind => clocks(site)?.set(whom, -HOUR)?,
        Kind::CertificateExpired => expire(site, whom).await?,
        Kind::WrongUsage
        | Kind::NoUsage
        | Kind::WrongJson
        | Kind::CutShort
        | Kind::Endless
        | Kind::Drip => {
            let script = lies::told(kind, whom).context("no lie")?;
            model(site, whom)?.set_script(script);
        }
    }
    Ok(None)
}

/// Ends.
///
/// # Errors
/// What was done cannot be undone.
pub(crate) async fn end(site: &Site, fault: Fault) -> anyhow::Result<()> {
    let Fault { kind, whom } = fault;
    match kind {
        Kind::Stopped => signal(site, whom, "CONT")?,
        Kind::Cut | Kind::Blackholed | Kind::Slowed => set(site, whom, Wire::Whole)?,
        Kind::ReadOnly => read_only(site, "RESET default_transaction_read_only")?,
        // It goes with the crowd.
        Kind::NoConnections => {}
        Kind::FailedOver => site.database.primary().restart().await?,
        Kind::Promoted => promote(site).await?,
        Kind::DiskFull => empty(site, whom).await?,
        Kind::ClockAhead | Kind::ClockBehind => clocks(site)?.set(whom, 0)?,
        Kind::CertificateExpired => {
            let certificates = site.certificates.as_ref().context("no certificates")?;
            certificates.sign(whom, HOST)?;
        }
        Kind::WrongUsage
        | Kind::NoUsage
        | Kind::WrongJson
        | Kind::CutShort
        | Kind::Endless
        | Kind::Drip => {
            let right = if whom == "small" { small() } else { big() };
            model(site, whom)?.set_script(right);
        }
    }
    Ok(())
}

fn signal(site: &Site, whom: &str, name: &str) -> anyhow::Result<()> {
    match whom {
        "database" => site.database.primary().signal(name).map(drop),
        place => process::send_signal(site.at(place)?.id(), name),
    }
}

fn wire<'a>(site: &'a Site, whom: &str) -> anyhow::Result<&'a Relay> {
    site.wires.as_ref().context("no wires")?.of(whom)
}

fn set(site: &Site, whom: &str, how: Wire) -> anyhow::Result<()> {
    wire(site, whom)?.set(how);
    Ok(())
}

/// The standby takes over, and the address that the ledger knows moves to it.
async fn promote(site: &Site) -> anyhow::Result<()> {
    site.database.promote().await?;
    wire(site, "database")?.lead_to(&site.database.primary().address());
    Ok(())
}

fn model<'a>(site: &'a Site, name: &str) -> anyhow::Result<&'a Provider> {
    match name {
        "small" => Ok(&site.local),
        "big" => Ok(&site.paid),
        other => bail!("no model {other}"),
    }
}

fn read_only(site: &Site, how: &str) -> anyhow::Result<()> {
    let mut session = Session::open(&site.database.url())?;
    session.ask(&format!("ALTER SYSTEM {how}"))?;
    session.ask("SELECT pg_reload_conf()")?;
    session.ask(TERMINATE)?;
    Ok(())
}

/// Everybody's connections end, and somebody else is faster.
async fn crowd(site: &Site) -> anyhow::Result<Crowd> {
    let mut session = Session::open(&site.database.url())?;
    session.ask("SELECT 1")?;
    let crowd = Crowd::gather(site.database.primary().address());
    crowd.is_there().await;
    session.ask(TERMINATE)?;
    Ok(crowd)
}

fn disk<'a>(site: &'a Site, whom: &str) -> anyhow::Result<&'a Disk> {
    let around = site.surroundings.as_ref().context("no surroundings")?;
    let disk = match whom {
        "spool" => around.spool_disk.as_ref(),
        _ if site.database.has_failed_over() => around.standby_disk.as_ref(),
        _ => around.database_disk.as_ref(),
    };
    disk.context("no small disk")
}

/// The spool is used while the database is away, so that is cut off too.
fn fill(site: &Site, whom: &str) -> anyhow::Result<()> {
    disk(site, whom)?.fill()?;
    match whom {
        "spool" => set(site, "database", Wire::Cut),
        _ => Ok(()),
    }
}

async fn empty(site: &Site, whom: &str) -> anyhow::Result<()> {
    disk(site, whom)?.empty()?;
    if whom == "spool" {
        return set(site, "database", Wire::Whole);
    }
    // A full disk may have ended it, as it would any.
    let give_up = Instant::now() + BACK;
    loop {
        match site.database.primary().restart().await {
            Err(_) if Instant::now() < give_up => sleep(SHORTLY).await,
            done => return done,
        }
    }
}

fn clocks(site: &Site) -> anyhow::Result<&Clocks> {
    let around = site.surroundings.as_ref().context("no surroundings")?;
    around.clocks.as_ref().context("no clocks")
}

/// Lets a certificate expire in use, and has everybody who spoke to its owner connect anew.
async fn expire(site: &Site, whom: &str) -> anyhow::Result<()> {
    let certificates = site.certificates.as_ref().context("no certificates")?;
    let end = OffsetDateTime::now_utc() + LEFT;
    certificates.sign_until(whom, HOST, Some(end))?;
    sleep(LEFT + Duration::from_secs(1)).await;
    let theirs = CALLED.into_iter().filter(|called| *called != "database");
    let wires: Vec<&str> = match whom {
        "edge" => vec!["orchestrator"],
        "orchestrator" => theirs.collect(),
        callee => vec![callee],
    };
    for wire in &wires {
        set(site, wire, Wire::Cut)?;
    }
    sleep(SHORTLY).await;
    wires
        .iter()
        .try_for_each(|wire| set(site, wire, Wire::Whole))
}
