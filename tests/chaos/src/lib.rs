//! Terrace under attack: its parts run as processes of their own, some of them are killed, and what
//! the books say in the end is held against what clients were told.
//!
//! A run is made from a seed, so that it can be repeated; what each part does in which millisecond
//! is not. Everything is started on loopback and stopped at the end. `docs/CHAOS.md` tells how to
//! run it and what it found.

pub mod books;
pub mod callers;
pub mod certificates;
pub mod claims;
pub mod database;
pub mod faults;
pub mod fleet;
pub mod killed;
pub mod metrics;
pub mod observer;
pub mod purse;
pub mod report;
pub mod rolling;
pub mod service;
pub mod site;
pub mod soak;
pub mod surroundings;
