//! How evidence and pages come by a verification of the whole ledger: one at a time, shared by all who wait,
//! and none again while the ledger has stayed as it was.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use axum::http::StatusCode;
use tokio::time::timeout;

use crate::audit::Audit;
use crate::pack::PackPart;
use crate::verify::Report;

use super::app::{App, PATIENCE, WAIT, blocking};
use super::judged::Judged;
use super::problem::Problem;

impl App {
    /// A verification of all that is recorded when it is asked for.
    pub(super) async fn verified(self: &Arc<Self>) -> Result<Arc<Judged>, Problem> {
        let entries = self.entries().await?;
        self.verified_to(entries).await
    }

    /// What pages are made of, with the number of entries by now. Where a verification of all of them takes too
    /// long, it is the one before: the pages say so.
    pub(super) async fn shown(self: &Arc<Self>) -> Result<(Arc<Judged>, u64), Problem> {
        let entries = self.entries().await?;
        let last = self.judged.get();
        if let Some(last) = last.clone().filter(|last| last.rests(Instant::now())) {
            return Ok((last, entries));
        }
        // The verification goes on when nobody waits for it any more.
        let soon = timeout(PATIENCE, self.verified_to(entries)).await;
        let soon = soon.unwrap_or_else(|_| Err(verifying()));
        match (soon, last) {
            (Err(problem), Some(last)) if problem.passes() => Ok((last, entries)),
            (soon, _) => Ok((soon?, entries)),
        }
    }

    async fn entries(self: &Arc<Self>) -> Result<u64, Problem> {
        self.read(|_, proofs| Ok(proofs.newest().size)).await
    }

    async fn verified_to(self: &Arc<Self>, entries: u64) -> Result<Arc<Judged>, Problem> {
        let app = self.clone();
        blocking(&self.slots.audits, move || {
            // Somebody else may have had it made while this one waited for the place.
            let last = app.judged.get();
            if let Some(last) = last.filter(|last| last.covers(entries, Instant::now())) {
                return Ok(last);
            }
            let begun = Instant::now();
            let report = app.audit()?;
            let ended = Instant::now();
            let took = ended.saturating_duration_since(begun);
            let judged = Arc::new(Judged {
                report,
                ended,
                took,
            });
            app.judged.set(judged.clone());
            Ok(judged)
        })
        .await
    }

    /// Reads every stored byte.
    fn audit(&self) -> Result<Report, Problem> {
        let authorities = self.authorities()?;
        let audit = Audit {
            world: &self.world,
            dir: &self.place.dir,
            head: Some(self.place.head()),
            anchors: Vec::new(),
            verified: None,
            trust: None,
            authorities: authorities.as_ref(),
            as_of: None,
            part: PackPart::Everything,
            wait: WAIT,
            progress: &|_, _| {},
            interrupted: &AtomicBool::new(false),
        };
        Ok(audit.run_and_keep_said()?)
    }
}

fn verifying() -> Problem {
    let detail = "the ledger is being verified; ask again in a while";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "verifying", detail)
}
