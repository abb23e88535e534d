//! How a pack is checked with other people's programs: a text with the commands, made for this pack.
//!
//! A reader pastes these commands into a shell. What stands in them is of few characters: an origin has
//! those of an id, without a quote; the names of tokens are numbers and hex.

use std::fmt::Write as _;

use crate::pack::NAMESPACE;
use crate::timetoken::SignatureFault;
use crate::verify::FittingToken;

const TEXT: &str = include_str!("by-hand.md");

const STAMPS: &str = "
## 6. When it was stamped

Save the root certificates of the time-stamping authority, from the authority, as `../tsa-ca.pem`. Each command prints
`Verification: OK`, as of the time that the token states, since the authority's own certificate ends some day.
A token over fewer entries than the pack's checkpoint covers is tied to it by the proof in `data/ledger/consistency`.

```sh
";

/// The text for a pack of the ledger of this name, whose export an entry records, with these time tokens.
pub(super) fn text(origin: &str, record: u64, stamped: &[FittingToken]) -> String {
    let mut stamps = String::new();
    // A token that anybody can have made has no place among commands that all print that it is in order.
    let is_refused =
        |one: &&FittingToken| one.signed.as_ref().is_err_and(SignatureFault::is_refusal);
    let stamped: Vec<_> = stamped.iter().filter(|one| !is_refused(one)).collect();
    if !stamped.is_empty() {
        stamps.push_str(STAMPS);
        for one in stamped {
            let (seconds, time) = (
                one.time.micros().div_euclid(1_000_000),
                one.time.to_seconds(),
            );
            let (over, response) = (&one.checkpoint_name, &one.name);
            let _ = writeln!(
                stamps,
                "# entries 0 to {}, at {time}",
                one.size.saturating_sub(1)
            );
            let _ = writeln!(
                stamps,
                "openssl ts -verify -data data/ledger/{over} -in data/ledger/{response} -attime {seconds} -CAfile ../tsa-ca.pem"
            );
        }
        stamps.push_str("```\n");
    }
    TEXT.replace("{ORIGIN}", origin)
        .replace("{NAMESPACE}", NAMESPACE)
        .replace("{RECORD}", &record.to_string())
        .replace("{STAMPS}", &stamps)
}
