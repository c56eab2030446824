//! Rows in a format, each written as it comes.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Line;
use super::columns::Columns;
use crate::args::{ExportArgs, ExportFormat};

/// The format that was asked for, or that the name of the file says.
pub(super) fn format(args: &ExportArgs) -> ExportFormat {
    args.format.unwrap_or_else(|| by_name(&args.file))
}

fn by_name(file: &Path) -> ExportFormat {
    let ending = file.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => ExportFormat::Csv,
        Some("parquet") => ExportFormat::Parquet,
        _ => ExportFormat::Jsonl,
    }
}

/// Writes rows.
pub(super) enum Writer<W: Write + Send> {
    Jsonl(BufWriter<W>),
    Csv(Box<csv::Writer<W>>),
    Parquet(Box<Columns<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins; CSV with its header, which is there also when no row follows.
    pub(super) fn new(format: ExportFormat, out: W) -> io::Result<Self> {
        match format {
            ExportFormat::Jsonl => Ok(Self::Jsonl(BufWriter::with_capacity(1 << 16, out))),
            ExportFormat::Csv => {
                let mut csv = csv::WriterBuilder::new()
                    .buffer_capacity(1 << 16)
                    .from_writer(out);
                csv.write_record(HEADER)?;
                Ok(Self::Csv(Box::new(csv)))
            }
            ExportFormat::Parquet => Ok(Self::Parquet(Box::new(Columns::new(out)?))),
        }
    }

    /// Writes one row.
    pub(super) fn row(&mut self, line: &Line) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, line)?;
                out.write_all(b"\n")
            }
            Self::Csv(out) => Ok(out.write_record(cells(line)?)?),
            Self::Parquet(out) => out.row(line),
        }
    }

    /// Writes what is still in memory.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Jsonl(mut out) => out.flush(),
            Self::Csv(mut out) => out.flush(),
            Self::Parquet(out) => out.finish(),
        }
    }
}

const HEADER: [&str; 28] = [
    "time",
    "request_id",
    "step",
    "project",
    "key_id",
    "action",
    "tier",
    "backend",
    "model",
    "outcome",
    "reason",
    "tokens",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "estimated",
    "cost",
    "cost_nano_usd",
    "score",
    "latency_ms",
    "started_at",
    "settled_at",
    "request_outcome",
    "answered",
    "baseline_nano_usd",
    "tags",
];

/// The cells of a row. Nothing is an empty cell; tags are a JSON object.
fn cells(line: &Line) -> io::Result<[String; 28]> {
    let optional = |number: Option<String>| number.unwrap_or_default();
    Ok([
        line.time.clone(),
        line.request_id.clone(),
        line.step.clone(),
        line.project.clone(),
        line.key_id.clone(),
        line.action.clone(),
        line.tier.clone(),
        line.backend.clone(),
        line.model.clone(),
        line.outcome.to_owned(),
        line.reason.clone(),
        line.tokens.to_string(),
        line.input_tokens.to_string(),
        line.output_tokens.to_string(),
        line.cached_input_tokens.to_string(),
        line.cache_write_tokens.to_string(),
        line.reasoning_tokens.to_string(),
        line.estimated.to_string(),
        crate::wording::usd(line.cost_nano_usd),
        line.cost_nano_usd.to_string(),
        optional(line.score.map(|score| score.to_string())),
        line.latency_ms.to_string(),
        line.started_at.clone(),
        line.settled_at.clone(),
        line.request_outcome.clone(),
        line.answered.to_string(),
        optional(line.baseline_nano_usd.map(|nanos| nanos.to_string())),
        serde_json::to_string(&line.tags)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            action: "say \"a, b\"\n".into(),
            tier: "local_fast".into(),
            outcome: "accepted",
            tokens: 15,
            cost: 0.000_000_001,
            cost_nano_usd: 1,
            tags: [("topic".to_owned(), "async".to_owned())].into(),
            ..Line::default()
        }
    }

    fn written(format: ExportFormat, lines: &[Line]) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(format, &mut out).unwrap();
        lines.iter().for_each(|line| writer.row(line).unwrap());
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_header_of_csv_has_the_names_of_json_in_their_order() {
        let value = serde_json::to_string(&line()).unwrap();
        let at = |name: &str| value.find(&format!("\"{name}\":")).unwrap();
        assert!(HEADER.is_sorted_by_key(|name| at(name)));
        let value: serde_json::Value = serde_json::from_str(&value).unwrap();
        assert_eq!(value.as_object().unwrap().len(), HEADER.len());
    }

    #[test]
    fn a_line_of_json_is_one_object_with_exact_money() {
        let text = written(ExportFormat::Jsonl, &[line(), line()]);
        assert_eq!(text.lines().count(), 2);
        let value: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(value["cost_nano_usd"], 1);
        assert_eq!(value["cost"], 1e-9);
        assert_eq!(value["tags"]["topic"], "async");
        assert!(value["score"].is_null());
    }

    #[test]
    fn csv_survives_quotes_commas_and_ends_of_lines() {
        let text = written(ExportFormat::Csv, &[line()]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(&row[5], "say \"a, b\"\n");
        assert_eq!(&row[18], "0.000000001");
        assert_eq!(written(ExportFormat::Csv, &[]).lines().count(), 1);
    }

    #[test]
    fn the_name_of_a_file_says_its_format() {
        assert_eq!(by_name(Path::new("a.csv")), ExportFormat::Csv);
        assert_eq!(by_name(Path::new("a.jsonl")), ExportFormat::Jsonl);
        assert_eq!(by_name(Path::new("a.Parquet")), ExportFormat::Parquet);
        assert_eq!(by_name(Path::new("-")), ExportFormat::Jsonl);
    }
}
