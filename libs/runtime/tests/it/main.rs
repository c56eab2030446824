//! Tasks and shutdown as a process uses them.

mod tasks;
