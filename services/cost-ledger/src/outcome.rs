//! How steps, holds and requests end, and the words that stand for it in the database.

/// A word in the database that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no known word in this column: was the row written by a newer version?")]
pub(crate) struct UnknownWord(pub(crate) String);

/// Defines an enum from one table: variant and word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word in the database and in metrics.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::outcome::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::outcome::UnknownWord(word.to_owned())),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How a step ended.
    StepOutcome {
        /// The judge passed it, or nobody asked the judge.
        Accepted = "accepted",
        /// The judge found it short of the threshold.
        Rejected = "rejected",
        /// The backend or a service failed.
        Failed = "failed",
        /// The caller went away or its deadline passed.
        Cancelled = "cancelled",
        /// It was never called.
        Skipped = "skipped",
        /// Its orchestrator died: booked at its worst case by the ledger, and by nobody else.
        Presumed = "presumed",
    }
}

impl StepOutcome {
    /// Whether something was answered.
    pub(crate) const fn is_answer(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected)
    }

    /// Whether a step that was booked like this can still turn out to have ended like `after`.
    pub(crate) const fn gives_way_to(self, after: Self) -> bool {
        match self {
            Self::Presumed => true,
            Self::Skipped => !matches!(after, Self::Skipped | Self::Presumed),
            Self::Accepted | Self::Rejected | Self::Failed | Self::Cancelled => false,
        }
    }
}

words! {
    /// How a request ended.
    RequestOutcome {
        /// An answer that passed.
        Passed = "passed",
        /// The best answer there was, although none passed.
        BestEffort = "best_effort",
        /// No answer.
        Failed = "failed",
        /// The caller went away or its deadline passed.
        Cancelled = "cancelled",
        /// Its orchestrator died: closed by the ledger, and by nobody else.
        Presumed = "presumed",
    }
}

impl RequestOutcome {
    /// Whether the caller got an answer.
    pub(crate) const fn is_answered(self) -> bool {
        matches!(self, Self::Passed | Self::BestEffort)
    }

    /// Whether a request that ended like this can still end like `after`.
    pub(crate) const fn gives_way_to(self, after: Self) -> bool {
        matches!(self, Self::Presumed) || !self.is_answered() && after.is_answered()
    }
}

words! {
    /// What became of a hold.
    HoldState {
        /// The money is set aside.
        Open = "open",
        /// The step was settled; what it cost is spent, the rest is free.
        Settled = "settled",
        /// The money is free again; the step was never called.
        Released = "released",
    }
}
