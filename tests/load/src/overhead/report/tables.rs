//! The tables, one function each.

use std::fmt::{self, Formatter, Write as _};

use super::super::block::{Block, CALLERS, PACED, RATE, RATE_DELAY_MS, STREAMS};
use super::super::spread::Spread;
use super::super::subject::DIRECT;
use super::super::words::TOKENS;
use super::Report;

/// Callers at which CPU is told.
const CALLERS_FOR_CPU: u32 = 64;

pub(super) fn throughput(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    head(
        f,
        "Requests a second, the backend answering at once; CPU-seconds for 10,000 of them",
        &[
            "c=1",
            "c=16",
            "c=64",
            "c=256",
            "CPU, c=64",
            "PostgreSQL's, c=64",
            "CPU, 200/s",
            "bad answers",
        ],
    )?;
    for name in &report.subjects {
        write!(f, "| {name} |")?;
        for callers in CALLERS {
            let figure = |block: &Block| Some(block.closed.get(&callers)?.per_second);
            cell(f, report.spread(name, figure), 0)?;
        }
        let busy = |block: &Block| Some(block.closed.get(&CALLERS_FOR_CPU)?.cpu());
        cell(f, report.spread(name, busy), 2)?;
        let books = |block: &Block| block.closed.get(&CALLERS_FOR_CPU)?.postgres_cpu_per_10k;
        cell(f, report.spread(name, books), 2)?;
        cell(f, report.spread(name, |block| Some(block.open.cpu())), 2)?;
        let bad: u64 = report.of(name).map(Block::bad).sum();
        let error = report.of(name).find_map(Block::error);
        let error = error.map_or_else(String::new, |error| format!(": {}", one_line(error)));
        writeln!(f, " {bad}{error} |")?;
    }
    Ok(())
}

pub(super) fn latency(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let rate = format!("{RATE}/s, {RATE_DELAY_MS} ms backend: p50");
    head(
        f,
        "Added latency (ms)",
        &["c=1: p50", "p99", &rate, "p99", "answers a second"],
    )?;
    for name in &report.subjects {
        write!(f, "| {name} |")?;
        let one = |block: &Block| block.closed.get(&1).map(|calls| calls.latency);
        added(report, f, name, |block| {
            ms(one(block).map_or(0, |l| l.p50_us))
        })?;
        added(report, f, name, |block| {
            ms(one(block).map_or(0, |l| l.p99_us))
        })?;
        added(report, f, name, |block| ms(block.open.latency.p50_us))?;
        added(report, f, name, |block| ms(block.open.latency.p99_us))?;
        cell(
            f,
            report.spread(name, |block| Some(block.open.per_second)),
            0,
        )?;
        writeln!(f)?;
    }
    Ok(())
}

pub(super) fn streams(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let (tokens, delay, pace) = (PACED.tokens, PACED.delay_ms, PACED.pace_ms);
    let title = format!(
        "Streams: {tokens} tokens, the first after {delay} ms, then one each {pace} ms; flood: \
         {STREAMS} streams of {TOKENS} tokens as fast as they go"
    );
    let many = format!("{STREAMS} streams: p50");
    head(
        f,
        &title,
        &[
            "1 stream: added to first text, p50, ms",
            &many,
            "p99",
            "flood: tokens/s",
            "CPU for 100,000 tokens",
        ],
    )?;
    for name in &report.subjects {
        write!(f, "| {name} |")?;
        added(report, f, name, |block| ms(block.stream_one.latency.p50_us))?;
        added(report, f, name, |block| {
            ms(block.streams_paced.latency.p50_us)
        })?;
        added(report, f, name, |block| {
            ms(block.streams_paced.latency.p99_us)
        })?;
        let tokens = |block: &Block| Some(block.streams_flood.tokens_per_second);
        cell(f, report.spread(name, tokens), 0)?;
        // So many CPU-seconds for 10,000 streams are that for 10,000 times their tokens.
        let cpu = |block: &Block| Some(block.streams_flood.cpu() * 10.0 / TOKENS as f64);
        cell(f, report.spread(name, cpu), 2)?;
        writeln!(f)?;
    }
    Ok(())
}

pub(super) fn memory(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    head(
        f,
        "Resident memory of all its processes (MiB), start, and what its answers have in common with the backend's",
        &["idle", "after load", "start to first answer, s", "differs"],
    )?;
    for name in &report.subjects {
        write!(f, "| {name} |")?;
        cell(
            f,
            report.spread(name, |block| Some(block.resident_idle_mib)),
            0,
        )?;
        cell(
            f,
            report.spread(name, |block| Some(block.resident_after_mib)),
            0,
        )?;
        cell(f, report.spread(name, |block| block.start_s), 2)?;
        let mut differs: Vec<&str> = report
            .of(name)
            .flat_map(|block| &block.differs)
            .map(String::as_str)
            .collect();
        differs.sort_unstable();
        differs.dedup();
        let differs = match differs.is_empty() {
            true => "no".to_owned(),
            false => differs.join("; "),
        };
        writeln!(f, " {differs} |")?;
    }
    Ok(())
}

/// Of subjects of several processes, the CPU of each.
pub(super) fn parts(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let mut text = String::new();
    for name in &report.subjects {
        let blocks = report.of(name);
        let closed = blocks.filter_map(|block| block.closed.get(&CALLERS_FOR_CPU));
        let Some(calls) = closed.last().filter(|calls| calls.cpu_per_10k.len() > 1) else {
            continue;
        };
        let parts = calls.cpu_per_10k.iter();
        let parts: Vec<String> = parts
            .map(|(part, cpu)| format!("{part} {cpu:.2}"))
            .collect();
        writeln!(text, "- {name}: {}", parts.join(", "))?;
    }
    if text.is_empty() {
        return Ok(());
    }
    write!(
        f,
        "\n**CPU-seconds for 10,000 requests by process, c=64, last round**\n\n{text}"
    )
}

/// How the forms of Terrace stand to each peer.
pub(super) fn ratios(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let (ours, others): (Vec<&String>, Vec<&String>) = report
        .subjects
        .iter()
        .filter(|name| *name != DIRECT)
        .partition(|name| name.starts_with("terrace"));
    if ours.is_empty() || others.is_empty() {
        return Ok(());
    }
    head(
        f,
        "Terrace beside each peer, c=64: its figure over the peer's",
        &["peer", "requests a second", "CPU a request"],
    )?;
    for name in ours {
        for peer in &others {
            let rate = |block: &Block| Some(block.closed.get(&CALLERS_FOR_CPU)?.per_second);
            let cpu = |block: &Block| Some(block.closed.get(&CALLERS_FOR_CPU)?.cpu());
            let over = |of: &dyn Fn(&Block) -> Option<f64>| {
                let (own, other) = (report.spread(name, of)?, report.spread(peer, of)?);
                Some(own.median / other.median)
            };
            let told = |ratio: Option<f64>| {
                ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
            };
            writeln!(
                f,
                "| {name} | {peer} | {} | {} |",
                told(over(&rate)),
                told(over(&cpu))
            )?;
        }
    }
    writeln!(f)
}

fn head(f: &mut Formatter<'_>, title: &str, columns: &[&str]) -> fmt::Result {
    let columns = columns.join(" | ");
    let rule = "---|".repeat(columns.split(" | ").count() + 1);
    writeln!(f, "\n**{title}**\n\n| | {columns} |\n|{rule}")
}

fn cell(f: &mut Formatter<'_>, figure: Option<Spread>, decimals: usize) -> fmt::Result {
    let told = figure.map_or_else(|| "–".to_owned(), |figure| figure.told(decimals));
    write!(f, " {told} |")
}

/// What is added; of the stub itself what it has.
fn added(
    report: &Report,
    f: &mut Formatter<'_>,
    name: &str,
    figure: impl Fn(&Block) -> f64,
) -> fmt::Result {
    if name != DIRECT {
        return cell(f, report.added(name, figure), 2);
    }
    let own = report.spread(name, |block| Some(figure(block)));
    write!(
        f,
        " [{}] |",
        own.map_or_else(String::new, |own| own.told(2))
    )
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().take(80).collect();
    line.replace(['\n', '|'], " ")
}
