//! Rows as Parquet: columns of some thousand rows at a time, compressed, so that memory is bounded
//! however many there are. The names are those of the other formats; times are points of time.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Line;

/// Rows that are written together: some megabytes.
const GROUP: usize = 20_000;

/// What a column has of a row; a column is of one kind.
enum Cell {
    Text(fn(&Line) -> &str),
    /// A point of time, or none.
    Time(fn(&Line) -> &str),
    Count(fn(&Line) -> u64),
    /// A whole number, or none.
    Whole(fn(&Line) -> Option<i64>),
    /// Any number, or none.
    Number(fn(&Line) -> Option<f64>),
    Flag(fn(&Line) -> bool),
    /// A JSON object of texts.
    Tags,
}

/// Every column, in the order of the other formats.
const COLUMNS: [(&str, Cell); 28] = [
    ("time", Cell::Time(|line| &line.time)),
    ("request_id", Cell::Text(|line| &line.request_id)),
    ("step", Cell::Text(|line| &line.step)),
    ("project", Cell::Text(|line| &line.project)),
    ("key_id", Cell::Text(|line| &line.key_id)),
    ("action", Cell::Text(|line| &line.action)),
    ("tier", Cell::Text(|line| &line.tier)),
    ("backend", Cell::Text(|line| &line.backend)),
    ("model", Cell::Text(|line| &line.model)),
    ("outcome", Cell::Text(|line| line.outcome)),
    ("reason", Cell::Text(|line| &line.reason)),
    ("tokens", Cell::Count(|line| line.tokens)),
    ("input_tokens", Cell::Count(|line| line.input_tokens)),
    ("output_tokens", Cell::Count(|line| line.output_tokens)),
    (
        "cached_input_tokens",
        Cell::Count(|line| line.cached_input_tokens),
    ),
    (
        "cache_write_tokens",
        Cell::Count(|line| line.cache_write_tokens),
    ),
    (
        "reasoning_tokens",
        Cell::Count(|line| line.reasoning_tokens),
    ),
    ("estimated", Cell::Flag(|line| line.estimated)),
    ("cost", Cell::Number(|line| Some(line.cost))),
    (
        "cost_nano_usd",
        Cell::Whole(|line| Some(line.cost_nano_usd)),
    ),
    ("score", Cell::Number(|line| line.score)),
    ("latency_ms", Cell::Number(|line| Some(line.latency_ms))),
    ("started_at", Cell::Time(|line| &line.started_at)),
    ("settled_at", Cell::Time(|line| &line.settled_at)),
    ("request_outcome", Cell::Text(|line| &line.request_outcome)),
    ("answered", Cell::Flag(|line| line.answered)),
    (
        "baseline_nano_usd",
        Cell::Whole(|line| line.baseline_nano_usd),
    ),
    ("tags", Cell::Tags),
];

/// Writes rows as columns.
pub(super) struct Columns<W: Write + Send> {
    out: SerializedFileWriter<W>,
    waiting: Vec<Line>,
}

impl<W: Write + Send> Columns<W> {
    /// Begins the file.
    pub(super) fn new(out: W) -> io::Result<Self> {
        let how = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("terrace".to_owned());
        let out = SerializedFileWriter::new(out, schema()?, Arc::new(how.build()));
        Ok(Self {
            out: out.map_err(io::Error::other)?,
            waiting: Vec::with_capacity(GROUP),
        })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, line: &Line) -> io::Result<()> {
        self.waiting.push(line.clone());
        match self.waiting.len() < GROUP {
            true => Ok(()),
            false => self.write(),
        }
    }

    /// Writes what waits, and the end of the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.write()?;
        }
        self.out.close().map_err(io::Error::other)?;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let group = self.out.next_row_group().map_err(io::Error::other)?;
        write_group(group, &self.waiting).map_err(io::Error::other)?;
        self.waiting.clear();
        Ok(())
    }
}

fn schema() -> io::Result<TypePtr> {
    let fields: Result<Vec<TypePtr>, ParquetError> = COLUMNS
        .iter()
        .map(|(name, cell)| Ok(Arc::new(cell.column(name)?)))
        .collect();
    let fields = fields.map_err(io::Error::other)?;
    let schema = Type::group_type_builder("usage")
        .with_fields(fields)
        .build();
    Ok(Arc::new(schema.map_err(io::Error::other)?))
}

fn write_group<W: Write + Send>(
    mut group: SerializedRowGroupWriter<'_, W>,
    lines: &[Line],
) -> Result<(), ParquetError> {
    for (_, cell) in &COLUMNS {
        let Some(mut column) = group.next_column()? else {
            break;
        };
        cell.write(column.untyped(), lines)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

impl Cell {
    fn column(&self, name: &str) -> Result<Type, ParquetError> {
        let instant = LogicalType::timestamp(true, TimeUnit::MICROS);
        let (physical, logical, repetition) = match self {
            Self::Text(_) => (
                Physical::BYTE_ARRAY,
                Some(LogicalType::String),
                Repetition::REQUIRED,
            ),
            Self::Tags => (
                Physical::BYTE_ARRAY,
                Some(LogicalType::Json),
                Repetition::REQUIRED,
            ),
            Self::Time(_) => (Physical::INT64, Some(instant), Repetition::OPTIONAL),
            Self::Count(_) => (Physical::INT64, None, Repetition::REQUIRED),
            Self::Whole(_) => (Physical::INT64, None, Repetition::OPTIONAL),
            Self::Number(_) => (Physical::DOUBLE, None, Repetition::OPTIONAL),
            Self::Flag(_) => (Physical::BOOLEAN, None, Repetition::REQUIRED),
        };
        Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
    }

    fn write(&self, column: &mut ColumnWriter<'_>, lines: &[Line]) -> Result<(), ParquetError> {
        let lines = lines.iter();
        match (self, column) {
            (Self::Text(of), ColumnWriter::ByteArrayColumnWriter(column)) => {
                let texts: Vec<ByteArray> = lines.map(|line| ByteArray::from(of(line))).collect();
                column.write_batch(&texts, None, None)?;
            }
            (Self::Tags, ColumnWriter::ByteArrayColumnWriter(column)) => {
                let texts: Result<Vec<ByteArray>, _> = lines
                    .map(|line| serde_json::to_vec(&line.tags).map(ByteArray::from))
                    .collect();
                let texts = texts.map_err(|error| ParquetError::External(error.into()))?;
                column.write_batch(&texts, None, None)?;
            }
            (Self::Time(of), ColumnWriter::Int64ColumnWriter(column)) => {
                let (there, values) = sparse(lines.map(|line| micros(of(line))));
                column.write_batch(&values, Some(&there), None)?;
            }
            (Self::Whole(of), ColumnWriter::Int64ColumnWriter(column)) => {
                let (there, values) = sparse(lines.map(of));
                column.write_batch(&values, Some(&there), None)?;
            }
            (Self::Count(of), ColumnWriter::Int64ColumnWriter(column)) => {
                let whole = |count| i64::try_from(count).unwrap_or(i64::MAX);
                let values: Vec<i64> = lines.map(|line| whole(of(line))).collect();
                column.write_batch(&values, None, None)?;
            }
            (Self::Number(of), ColumnWriter::DoubleColumnWriter(column)) => {
                let (there, values) = sparse(lines.map(of));
                column.write_batch(&values, Some(&there), None)?;
            }
            (Self::Flag(of), ColumnWriter::BoolColumnWriter(column)) => {
                let values: Vec<bool> = lines.map(of).collect();
                column.write_batch(&values, None, None)?;
            }
            _ => return Err(ParquetError::General("a column of another kind".to_owned())),
        }
        Ok(())
    }
}

/// For each row whether it has a value, and those that there are.
fn sparse<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<i16>, Vec<T>) {
    let mut there = Vec::new();
    let values = values.inspect(|value| there.push(i16::from(value.is_some())));
    let values = values.flatten().collect();
    (there, values)
}

/// A time of an export in microseconds since 1970.
fn micros(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    fn line(number: u64) -> Line {
        Line {
            time: "2026-11-26T12:00:00.5Z".into(),
            action: "edit_file".into(),
            outcome: "accepted",
            tokens: number,
            cost: 0.000_000_001,
            cost_nano_usd: 1,
            tags: [("topic".to_owned(), "async".to_owned())].into(),
            ..Line::default()
        }
    }

    fn written(lines: u64) -> SerializedFileReader<bytes::Bytes> {
        let mut out = Vec::new();
        let mut columns = Columns::new(&mut out).unwrap();
        for number in 0..lines {
            columns.row(&line(number)).unwrap();
        }
        columns.finish().unwrap();
        SerializedFileReader::new(bytes::Bytes::from(out)).unwrap()
    }

    #[test]
    fn every_row_comes_back_from_as_many_groups_as_it_takes() {
        let rows = GROUP as u64 + 7;
        let file = written(rows);
        assert_eq!(file.num_row_groups(), 2);
        for (number, row) in (0..rows).zip(file.get_row_iter(None).unwrap()) {
            let row = row.unwrap();
            assert_eq!(row.get_long(11).unwrap(), i64::try_from(number).unwrap());
            assert_eq!(row.get_string(9).unwrap(), "accepted");
            assert_eq!(row.get_long(19).unwrap(), 1);
        }
    }

    #[test]
    fn times_are_points_of_time_and_what_is_not_known_is_null() {
        let file = written(1);
        let row = file.get_row_iter(None).unwrap().next().unwrap().unwrap();
        assert_eq!(row.get_timestamp_micros(0).unwrap(), 1_795_694_400_500_000);
        assert!(row.get_double(20).is_err(), "no score");
        assert_eq!(row.get_string(27).unwrap(), r#"{"topic":"async"}"#);
    }

    #[test]
    fn an_export_without_rows_is_a_file_with_its_columns() {
        let file = written(0);
        let schema = file.metadata().file_metadata().schema_descr();
        assert_eq!((schema.num_columns(), file.num_row_groups()), (28, 0));
    }
}
