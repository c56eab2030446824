//! What the kernel counts of processes: CPU and memory of a tree of them.
//!
//! CPU is counted in ticks of 10 ms, so it says something of thousands of requests, not of one.

use std::collections::BTreeMap;

use terrace_testkit::process::children;

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux.
const TICKS: f64 = 100.0;

/// CPU-seconds so far, user and system, by what the processes are called.
pub(crate) type Cpu = BTreeMap<String, f64>;

/// A process and all that it has started, and that these have started.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        found.extend(children(id));
        next += 1;
    }
    found
}

/// CPU of a tree, that of ended children included.
pub(crate) fn cpu(root: u32) -> Cpu {
    let mut all = Cpu::new();
    for id in tree(root) {
        if let Some(seconds) = seconds(id) {
            *all.entry(name(id)).or_default() += seconds;
        }
    }
    all
}

/// What was used between two moments.
pub(crate) fn used(before: &Cpu, after: &Cpu) -> Cpu {
    let earlier = |name: &str| before.get(name).copied().unwrap_or_default();
    let parts = after.iter();
    parts
        .map(|(name, seconds)| (name.clone(), (seconds - earlier(name)).max(0.0)))
        .collect()
}

/// Resident memory of a tree in MiB; pages that processes share count in each.
pub(crate) fn resident_mib(root: u32) -> f64 {
    let parts = tree(root).into_iter();
    let kib: u64 = parts
        .filter_map(|id| crate::memory::resident_kib(id).ok())
        .sum();
    kib as f64 / 1024.0
}

fn seconds(id: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold spaces and brackets; what follows its last bracket does not.
    let (_, rest) = stat.rsplit_once(") ")?;
    let ticks = rest.split(' ').skip(11).take(4);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / TICKS)
}

/// A service of Terrace by its own name, everything else by that of its program.
fn name(id: u32) -> String {
    let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    let words: Vec<&str> = line.split('\0').collect();
    if let [_, "serve", service, ..] = words.as_slice() {
        return (*service).to_owned();
    }
    let comm = std::fs::read_to_string(format!("/proc/{id}/comm"));
    comm.unwrap_or_default().trim().to_owned()
}

/// The load average of the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.unwrap_or_default()
}

/// The model of the processor and how many of its cores there are.
pub(crate) fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, {model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_is_named() {
        let own = std::process::id();
        assert!(resident_mib(own) > 0.1);
        assert_eq!(tree(own).first(), Some(&own));
        assert!(!cpu(own).is_empty());
    }

    #[test]
    fn what_was_used_is_the_difference_also_of_who_came_later() {
        let of = |pairs: &[(&str, f64)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, s)| ((*name).to_owned(), *s))
                .collect::<Cpu>()
        };
        let found = used(
            &of(&[("a", 1.0), ("gone", 3.0)]),
            &of(&[("a", 1.5), ("b", 2.0)]),
        );
        assert_eq!(found, of(&[("a", 0.5), ("b", 2.0)]));
    }
}
