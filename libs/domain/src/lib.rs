//! The vocabulary of Terrace, one word per idea.
//!
//! Everything here is pure: no async, no input or output, no wire format. Services, protos and
//! config all speak these types, so an amount of money or a score that does not exist cannot be
//! built anywhere.
#![warn(missing_docs)]

pub mod budget;
pub mod failure;
pub mod ids;
pub mod money;
pub mod names;
pub mod reason;
pub mod score;
pub mod usage;

pub use budget::{BudgetName, Payer, Span};
pub use failure::{Failure, FieldViolation, QuotaViolation, Violations};
pub use ids::{RequestId, Step};
pub use money::{NanoUsd, Price};
pub use names::{ActionName, BackendName, KeyId, ModelName, ProjectName, TierName};
pub use reason::{Fault, Reason};
pub use score::Score;
pub use usage::Usage;
