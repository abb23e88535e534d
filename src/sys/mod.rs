//! What the program takes from the system it runs on.

pub mod clock;
pub mod entropy;
pub mod keyfile;
