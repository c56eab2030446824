//! What a process holds, seen from outside, before and after: descriptors, threads, calls in flight.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::claims::Claim;
use crate::metrics;
use crate::site::{PLACES, Site};

/// How many more descriptors may be open afterwards: connections that are kept for a while.
const MORE_DESCRIPTORS: usize = 16;
/// How many more threads there may be: those that wait for a disk or a name end late.
const MORE_THREADS: usize = 16;
/// Series that have to be zero when nobody asks.
const COUNTED: [&str; 4] = [
    "http_server_active_requests",
    "terrace_rpc_server_in_flight",
    "terrace_rpc_client_in_flight",
    "terrace_gateway_waiting",
];

/// What one process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// Memory that is resident, in kibibytes.
    pub(crate) memory_kib: i64,
    /// Calls and places in queues, by the gauges of [`COUNTED`] that the process shows.
    in_flight: [Option<i64>; COUNTED.len()],
}

/// What every process holds.
pub(crate) type All = BTreeMap<&'static str, Held>;

/// Looks.
///
/// # Errors
/// A process has ended, or does not show its metrics.
pub(crate) async fn look(site: &Site) -> anyhow::Result<All> {
    let mut all = All::new();
    for place in PLACES {
        let id = site.at(place)?.id();
        let port = site.metrics.get(place).copied().unwrap_or_default();
        let text = metrics::read(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let held = Held {
            descriptors: entries(id, "fd"),
            threads: entries(id, "task"),
            memory_kib: resident(id),
            in_flight: COUNTED.map(|name| metrics::shown(&text, name)),
        };
        all.insert(place, held);
    }
    Ok(all)
}

fn entries(id: u32, folder: &str) -> usize {
    std::fs::read_dir(format!("/proc/{id}/{folder}")).map_or(0, Iterator::count)
}

fn resident(id: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// Nobody holds more than before, but for what is kept for a while.
pub(crate) fn claims(before: &All, after: &All) -> Vec<Claim> {
    let pairs = || {
        after
            .iter()
            .filter_map(|(place, now)| Some((place, before.get(place)?, now)))
    };
    let descriptors = pairs()
        .filter(|(_, was, is)| is.descriptors > was.descriptors + MORE_DESCRIPTORS)
        .map(|(place, was, is)| format!("{place}: {} and now {}", was.descriptors, is.descriptors));
    let threads = pairs()
        .filter(|(_, was, is)| is.threads > was.threads + MORE_THREADS)
        .map(|(place, was, is)| format!("{place}: {} and now {}", was.threads, is.threads));
    vec![
        Claim::of(
            "no descriptor or connection is left open",
            after.len(),
            descriptors.collect(),
        ),
        Claim::of("no thread is left", after.len(), threads.collect()),
        nothing_in_flight(after),
    ]
}

/// A gauge that no process shows is a finding too: it says nothing.
fn nothing_in_flight(after: &All) -> Claim {
    let mut wrong = Vec::new();
    for (index, name) in COUNTED.into_iter().enumerate() {
        let shown = |(place, held): (&&'static str, &Held)| Some((*place, held.in_flight[index]?));
        let values: Vec<_> = after.iter().filter_map(shown).collect();
        if values.is_empty() {
            wrong.push(format!("no process shows {name}"));
        }
        let left = values.iter().filter(|(_, value)| *value != 0);
        wrong.extend(left.map(|(place, value)| format!("{place}: {name} is {value}")));
    }
    Claim::of(
        "no call and no place in a queue is left",
        after.len(),
        wrong,
    )
}
