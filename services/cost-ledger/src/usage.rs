//! Usage: the rows of the books, one by one, listed in pages and exported as a whole.
//!
//! A step is shown once its request has closed, and spans of time mean that moment, as they do for
//! summaries: so spans that follow each other have every step once, and a sum over the rows of a
//! span is what the summary of it says. The order is total (moment, request, step), and a page
//! goes on behind the last row of the one before, whatever has been written meanwhile.

mod cursor;
mod export;
mod filter;
mod list;

pub(crate) use cursor::{Cursor, Edge};
pub(crate) use export::{Export, Rows, export};
pub(crate) use filter::Filter;
pub(crate) use list::{List, Page, list};

use std::collections::BTreeMap;

use terrace_domain::{NanoUsd, Usage};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::outcome::{RequestOutcome, StepOutcome};

/// One row of the books, with what its request says about it. Its names are plain texts: they were
/// checked when they were written, and an export has millions of them.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) request_id: Uuid,
    pub(crate) project: String,
    pub(crate) key_id: String,
    pub(crate) action: String,
    pub(crate) closed_at: OffsetDateTime,
    pub(crate) request_outcome: RequestOutcome,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) step: String,
    pub(crate) tier: String,
    pub(crate) backend: String,
    pub(crate) model: String,
    pub(crate) outcome: StepOutcome,
    /// Reason of a failure; empty otherwise.
    pub(crate) reason: String,
    pub(crate) usage: Usage,
    pub(crate) cost: NanoUsd,
    pub(crate) score: Option<f64>,
    pub(crate) started_at: OffsetDateTime,
    pub(crate) latency_us: i64,
    pub(crate) settled_at: OffsetDateTime,
    /// Whether this step is what the caller got.
    pub(crate) answered: bool,
    /// Of the request; there only in the row that answered.
    pub(crate) baseline: Option<NanoUsd>,
}

impl Row {
    /// Where a page goes on that ends with this row.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            closed_at: self.closed_at,
            request_id: self.request_id,
            step: self.step.clone(),
        }
    }
}

/// Which way through the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
}

/// A span of time, from its beginning up to, not including, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

/// What one page asks the store for.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) order: Order,
    pub(crate) span: Span,
    pub(crate) filter: &'a Filter,
    /// The page begins behind this.
    pub(crate) after: Option<&'a Cursor>,
    pub(crate) at_most: i64,
}
