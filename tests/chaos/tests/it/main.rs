//! Short attacks; the long ones are runs of the command.

mod attacks;
mod interrupted;
