//! The life of a process: when to stop, who is still working, when it is ready.
//!
//! [`shutdown::Shutdown`] tells every part that the end has begun, [`tasks::Tasks`] starts
//! tasks and knows what the failure of each means, [`readiness::Readiness`] turns
//! ready when the last latch drops, [`lanes::Lanes`] keeps what belongs together on one core.
//! Nothing here knows gRPC, telemetry or a service.
#![warn(missing_docs)]

pub mod allocator;
pub mod lanes;
pub mod readiness;
pub mod shutdown;
pub mod signal;
pub mod tasks;

pub use allocator::Allocator;
pub use lanes::{Lane, Lanes, PerLane};
pub use readiness::{Latch, Readiness};
pub use shutdown::{Grace, Shutdown};
pub use tasks::{Kind, Lost, StillRunning, Tasks, Work};
