//! A whole Terrace for a test: real processes, a database of its own, scripted model servers and
//! a trace collector. The tests are in `tests/it`.

pub mod ask;
pub mod books;
pub mod clients;
pub mod interop;
pub mod running;
pub mod sandbox;
pub mod scenario;
pub mod table;
pub mod tools;

pub use running::{Child, Placement, Running};
pub use sandbox::Sandbox;
pub use scenario::Scenario;
