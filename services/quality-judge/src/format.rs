//! The form that an answer must have, checked and compiled before any answer is looked at.
//!
//! Schemas and patterns come from callers, so their size, depth and compiled size are bounded, a
//! schema can refer to nothing outside itself, and patterns run in linear time.

mod pattern;
mod schema;

pub use pattern::{InvalidPattern, Pattern};
pub use schema::{InvalidSchema, Schema};

/// The form that an answer must have.
#[derive(Debug, Default)]
pub enum Format {
    /// Free text.
    #[default]
    Free,
    /// Any JSON value.
    Json,
    /// JSON that satisfies a schema.
    Schema(Schema),
    /// Text that matches a pattern as a whole.
    Pattern(Pattern),
    /// Exactly one of these texts.
    Choice(Vec<String>),
}

impl Format {
    /// Whether any text will do.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }
}
