//! Model servers that lie.

use std::time::Duration;

use terrace_testkit::provider::{Fault, Reply, Script, UsageReport};

use super::fault::Kind;

const TEXT: &str = "Paris is the capital of France, and it has been so for centuries.";
/// So many tokens cost $18 at the prices of `big`: a hundred times the day's budget.
const MILLION: u64 = 1_000_000;

/// What a model server does that lies so; `None` if this is no lie.
pub(super) fn told(kind: Kind, model: &'static str) -> Option<Script> {
    let right = Reply::text(TEXT);
    let lie = match kind {
        Kind::WrongUsage => right.usage(UsageReport::Counts {
            input: MILLION,
            cached: 0,
            output: MILLION,
        }),
        Kind::NoUsage => right.usage(UsageReport::Absent),
        Kind::WrongJson => right.fault(Fault::Malformed { after: 2 }),
        Kind::CutShort => right.fault(Fault::Truncate { after: 3 }),
        Kind::Endless => right.fault(Fault::Endless),
        Kind::Drip => {
            let slowly = right.timing(Duration::ZERO, Duration::from_secs(1));
            slowly.fault(Fault::Drip)
        }
        _ => return None,
    };
    Some(Script::serving([model]).otherwise(lie))
}
