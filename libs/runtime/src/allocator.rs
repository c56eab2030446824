//! The allocator of the programs that we ship.
//!
//! A request makes thousands of small things and frees most of them on another core. glibc's allocator
//! takes a fifth of a request's CPU for that, musl's, which the images would have, a good deal more.
//! A program opts in, so that tests, fuzz targets and sanitizers keep the system's:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: terrace_runtime::Allocator = terrace_runtime::Allocator;
//! # fn main() {}
//! ```

pub use mimalloc::MiMalloc as Allocator;
