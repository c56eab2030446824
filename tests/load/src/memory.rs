//! What the kernel says of a process.

use anyhow::Context as _;

/// Resident memory of a process in KiB.
///
/// # Errors
/// There is no such process, or this is no Linux.
pub(crate) fn resident_kib(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("{path} is not there"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{path} does not tell the resident memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident_kib(std::process::id()).unwrap() > 100);
    }
}
