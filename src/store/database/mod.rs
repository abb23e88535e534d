//! PostgreSQL as an engine: a ledger in a database that somebody else replicates and fails over.
//!
//! ```text
//! address   where it is, and the password at the moment of asking
//! session   one connection, and how long anybody waits for it
//! server    connections to a server that can be relied on; what got no answer is asked again until it is settled
//! schema    tables, triggers and roles, in steps that their owner takes
//! rows      the questions, in SQL
//! tables    what one who asks knows of them
//! log       the door's promises for entries        engine   and for everything else
//! view      the same as a folder, for whoever reads
//! ```
//!
//! A commit that was not answered is settled by putting the same again, which waits for the attempt before it, and never
//! by a read alone: what a read does not see may still come, and what it sees may still be lost with the server that said it.

mod address;
mod engine;
mod log;
mod rows;
mod schema;
mod server;
mod session;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub use address::{AddressError, DatabaseAddress, Variables};
pub use engine::DatabaseEngine;
pub use schema::DatabaseRoles;
pub use view::DatabaseDisk;
