//! `telemetry`: where traces go, and what is logged.

use terrace_domain::Score;
use url::Url;

use crate::decode::Section;
use crate::read;

/// Where traces go, and what is logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// The OTLP collector (gRPC), as `http://127.0.0.1:4317`. Default: none, no traces leave.
    pub otlp_endpoint: Option<Url>,
    /// The share of new traces that is kept; a caller's decision holds before it. Default: 1.
    pub sample_ratio: Score,
    /// Which log lines are written, as `info,terrace_orchestrator=debug`. Default: `info`.
    pub log_filter: String,
    /// How they are written. Default: `text`.
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample_ratio: Score::ONE,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

impl Telemetry {
    pub(crate) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let format = read::choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        Self {
            otlp_endpoint: section.get("otlp_endpoint", read::url),
            sample_ratio: section.or("sample_ratio", default.sample_ratio, read::score),
            log_filter: section.or("log_filter", default.log_filter, read::word),
            log_format: section.or("log_format", default.log_format, format),
        }
    }
}
