//! The figures as a table of Markdown.

use std::fmt;

use super::{Point, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} UTC, load average {:.2} at the start, {} s a size. CPU of one request, or one \
             stream, in microseconds; latency in ms, of a stream to its first text.\n\n\
             | what grows | Terrace, CPU us | PostgreSQL, CPU us | p50 | p99 | answers | bad |\n\
             |---|---|---|---|---|---|---|",
            self.machine, self.began, self.load_average, self.seconds
        )?;
        for point in &self.points {
            writeln!(f, "{}", line(point))?;
        }
        Ok(())
    }
}

/// A row of the table.
pub(super) fn line(point: &Point) -> String {
    let ms = |us: u64| us as f64 / 1000.0;
    let error = point.error.as_deref().unwrap_or_default();
    let error: String = error.chars().take(80).collect();
    format!(
        "| {} {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {} {} |",
        point.size,
        point.axis.unit(),
        point.terrace_us,
        point.postgres_us,
        ms(point.latency.p50_us),
        ms(point.latency.p99_us),
        point.good,
        point.bad,
        error.replace(['\n', '|'], " ")
    )
}
