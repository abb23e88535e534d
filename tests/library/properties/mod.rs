//! What holds for all inputs, tried on many: bytes have one reading, the fold agrees with a model that
//! is too slow to ship, no order of events panics, and no text forges a line of the template.

mod bytes;
mod model;
mod orders;

use proptest::test_runner::Config;

/// So many cases, and no file of failures beside the tests: a failure prints its input.
fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}
