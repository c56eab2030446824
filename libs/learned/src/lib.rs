//! What is learned from outcomes, shared by those who use it and those who train and measure it.
//!
//! A text becomes hashed [`text`] features and a few [`measures`] of its form; [`train`] fits the
//! *gain* of a stronger model to them, beside a prior that is made by hand; [`weights`] is the file
//! that comes of it and [`gain`] what it says of a text. [`head`] learns from answers that were right
//! or wrong what the judge thinks of the next one, [`online`] from one's own traffic. [`quality`] tells how good any of it is. Pure and deterministic: no clock, no network, no
//! randomness without a seed, and no text is kept anywhere.
#![warn(missing_docs)]

pub mod features;
pub mod gain;
mod hash;
pub mod head;
pub mod logistic;
pub mod measures;
pub mod online;
pub mod quality;
mod ridge;
pub mod text;
pub mod train;
pub mod weights;

pub use features::Features;
pub use gain::Estimate;
pub use head::Head;
pub use online::{Lesson, Online};
pub use train::{Example, Fit};
pub use weights::Weights;
