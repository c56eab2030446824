//! A failure as it travels between services: reason, sentence, and what to do next.

use std::fmt;
use std::time::Duration;

use crate::reason::Reason;

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field in the request, as `messages[2].parts[0].text`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub description: String,
}

/// A budget that has too little left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaViolation {
    /// Which budget, as `budget:installation/daily`.
    pub subject: String,
    /// What it allows, what is spent and reserved, and what was asked for.
    pub description: String,
}

/// Why a call failed, in the form that every service answers and every client reads.
///
/// The message is for people and safe to show to a caller: no addresses with credentials, no
/// prompt or answer text, nothing of a backend's body that was not mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The one reason, from the closed set.
    pub reason: Reason,
    /// A sentence that says what happened and what to do next.
    pub message: String,
    /// When to come back, if waiting helps.
    pub retry_after: Option<Duration>,
    /// Every wrong field, for [`Reason::InvalidRequest`].
    pub fields: Vec<FieldViolation>,
    /// Every budget that said no, for [`Reason::BudgetExhausted`].
    pub quotas: Vec<QuotaViolation>,
}

impl Failure {
    /// Creates a failure without details.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry_after: None,
            fields: Vec::new(),
            quotas: Vec::new(),
        }
    }

    /// Creates the failure of a request whose fields are wrong, naming each.
    #[must_use]
    pub fn invalid(fields: Vec<FieldViolation>) -> Self {
        let message = fields
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.description))
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            fields,
            ..Self::new(Reason::InvalidRequest, message)
        }
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Names a budget that said no.
    #[must_use]
    pub fn quota(mut self, violation: QuotaViolation) -> Self {
        self.quotas.push(violation);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Failure {}

/// Collects every wrong field of a request, so that all are reported at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Creates an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one wrong field.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(FieldViolation {
            field: field.into(),
            description: description.into(),
        });
    }

    /// Notes `field` when `holds` is false.
    pub fn require(&mut self, holds: bool, field: &str, description: &str) {
        if !holds {
            self.add(field, description);
        }
    }

    /// Notes a field that is part of the contract and that nothing honours yet.
    pub fn not_built_yet(&mut self, is_set: bool, field: &str) {
        if is_set {
            self.add(
                field,
                "is not supported yet: leave it unset, nothing would honour it",
            );
        }
    }

    /// Ends the collection: `Ok` when nothing was noted, else one failure that names everything.
    ///
    /// # Errors
    /// [`Reason::InvalidRequest`] with every noted field.
    pub fn finish(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Failure::invalid(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wrong_fields_are_reported_at_once() {
        let mut violations = Violations::new();
        violations.add("messages", "must not be empty");
        violations.require(false, "policy.max_attempts", "must be at least 1");
        violations.require(true, "action", "is fine");
        let failure = violations.finish().unwrap_err();
        assert_eq!(failure.reason, Reason::InvalidRequest);
        assert_eq!(failure.fields.len(), 2);
        assert!(failure.message.contains("messages: must not be empty"));
        assert!(failure.message.contains("policy.max_attempts"));
    }

    #[test]
    fn nothing_noted_is_no_failure() {
        assert!(Violations::new().finish().is_ok());
    }
}
