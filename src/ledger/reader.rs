//! Reads a ledger without judging it, for `log`, `show` and the rebuilding of the index. Whoever
//! wants to rely on what is read verifies first.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::entry::{self, Entry, StoredEntry};
use crate::hash::Link;
use crate::parallel;
use crate::register::{Recorded, Register};
use crate::rule::Finding;
use crate::statement::Statement;
use crate::store::bundle::BUNDLE_ENTRIES;
use crate::sys::world::World;
use crate::verify::LogPiece;

use crate::ledger::error::LedgerError;
use crate::ledger::pieces::LogPieces;
use crate::ledger::standing::take;

/// Entries decoded together in a replay: eight bundles keep all cores busy.
const AT_ONCE: usize = 2_048;

/// What a replay needs of an entry, and what was asked of its bytes.
pub(crate) type DecodedEntry<T> = (u64, Entry, Statement, T);

/// The entries of a ledger in order, as they were when it was opened.
pub struct EntryReader {
    pieces: LogPieces,
    files: BTreeMap<String, Vec<u8>>,
    next: u64,
    current: std::vec::IntoIter<Vec<u8>>,
    total: u64,
}

impl EntryReader {
    /// Opens a ledger for reading; a writer is waited for, and kept out only for a moment.
    ///
    /// # Errors
    /// There is no ledger, or the writer held the lock for the whole `wait`.
    pub fn open(world: &World, dir: &Path, wait: Duration) -> Result<Self, LedgerError> {
        let taken = take(world, dir, wait)?;
        let pieces = LogPieces::new(world.disk.clone(), dir, &taken, None)?;
        let total = pieces.facts().total;
        Ok(Self {
            pieces,
            files: taken.image.files,
            next: 0,
            current: Vec::new().into_iter(),
            total,
        })
    }

    /// The same from entry `first` on, without a look at the bundles before it.
    ///
    /// # Errors
    /// As [`EntryReader::open`].
    pub fn open_at(
        world: &World,
        dir: &Path,
        wait: Duration,
        first: u64,
    ) -> Result<impl Iterator<Item = Result<StoredEntry, LedgerError>>, LedgerError> {
        let mut reader = Self::open(world, dir, wait)?;
        reader.skip_near(first);
        Ok(reader
            .filter(move |stored| !stored.as_ref().is_ok_and(|stored| stored.sequence < first)))
    }

    /// The entries of these places, which are sorted, without a look at the bundles between them.
    pub fn these(
        mut self,
        sequences: Vec<u64>,
    ) -> impl Iterator<Item = Result<StoredEntry, LedgerError>> {
        let sequences = sequences.into_iter();
        sequences.filter_map(move |sequence| self.next_from(sequence))
    }

    /// Goes on with the bundle that entry `first` is in, where that is not here yet.
    fn skip_near(&mut self, first: u64) {
        if first - first % BUNDLE_ENTRIES as u64 > self.next {
            self.current = Vec::new().into_iter();
            self.next = self.pieces.begin_near(first);
        }
    }

    /// The next entry that is not before entry `first`, without a look at the bundles between.
    fn next_from(&mut self, first: u64) -> Option<Result<StoredEntry, LedgerError>> {
        self.skip_near(first);
        let is_before = |stored: &StoredEntry| stored.sequence < first;
        self.find(|stored| !stored.as_ref().is_ok_and(is_before))
    }

    /// Goes to the end of the first `size` entries, and answers whether the last of them has this link.
    pub(crate) fn stands_at(&mut self, size: u64, link: &Link) -> bool {
        let Some(last) = size.checked_sub(1) else {
            return false;
        };
        let found = self.next_from(last);
        matches!(found, Some(Ok(stored)) if stored.sequence == last && stored.link == *link)
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.total
    }

    /// A small file beside the entries, as it was at the same moment: `checkpoint` or `cosigned`.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Folds all entries into a register, without looking at signatures.
    ///
    /// # Errors
    /// An entry that cannot be read, or that no writer would have placed.
    pub fn replay(self) -> Result<Register, LedgerError> {
        self.replay_first(u64::MAX, |_| (), &mut |(), _, _| ())
    }

    /// The same of the first `size` entries. `look` is asked about the bytes of each; `each` is told the
    /// answer and what it says, once that is folded.
    ///
    /// # Errors
    /// As [`EntryReader::replay`].
    pub(crate) fn replay_first<T: Send>(
        self,
        size: u64,
        look: impl Fn(&[u8]) -> T + Sync,
        each: &mut (dyn FnMut(T, &Register, &Recorded<'_>) + Send),
    ) -> Result<Register, LedgerError> {
        let mut register = Register::default();
        self.each_decoded(size, look, &mut |(sequence, entry, statement, looked)| {
            let recorded = statement.recorded_as(sequence, entry.recorded);
            let placed = register.place(&recorded);
            placed.map_err(|denial| LedgerError::unread(sequence, denial.message))?;
            each(looked, &register, &recorded);
            Ok(())
        })?;
        Ok(register)
    }

    /// Hands the rest of the first `size` entries to `take`, in order. While it takes some, the next ones are decoded
    /// on the other cores, and `look` is asked about the bytes of each.
    ///
    /// # Errors
    /// An entry that cannot be read, or what `take` fails with.
    pub(crate) fn each_decoded<T: Send>(
        mut self,
        size: u64,
        look: impl Fn(&[u8]) -> T + Sync,
        take: &mut (dyn FnMut(DecodedEntry<T>) -> Result<(), LedgerError> + Send),
    ) -> Result<(), LedgerError> {
        let mut decoded = self.decode_some(&look);
        while !decoded.is_empty() {
            decoded.retain(|one| place_of(one) < size);
            let (taken, next) = parallel::join(
                || decoded.into_iter().try_for_each(|one| take(one?)),
                || match self.next < size {
                    true => self.decode_some(&look),
                    false => Vec::new(),
                },
            );
            taken?;
            decoded = next;
        }
        Ok(())
    }

    /// The next entries, in order.
    fn decode_some<T: Send>(
        &mut self,
        look: &(impl Fn(&[u8]) -> T + Sync),
    ) -> Vec<Result<DecodedEntry<T>, LedgerError>> {
        let mut raw = Vec::new();
        let mut current = std::mem::take(&mut self.current);
        while raw.len() < AT_ONCE {
            let first = self.next;
            self.next += current.len() as u64;
            raw.extend((first..).zip(current.by_ref().map(Ok)));
            match self.pieces.next() {
                Some(LogPiece::Entries(entries)) => current = entries.into_iter(),
                Some(LogPiece::Damaged { finding, count }) => {
                    raw.push((self.next, Err(self.unread(count, finding.found))));
                }
                Some(LogPiece::Missing { what, count }) => {
                    raw.push((self.next, Err(self.unread(count, what))));
                }
                Some(LogPiece::Absent { leaves, finding }) => {
                    raw.push((self.next, Err(self.absent(leaves.len() as u64, finding))));
                }
                Some(LogPiece::Elsewhere { count }) => self.next += count,
                None => break,
            }
        }
        self.current = current;
        parallel::map(raw, |(sequence, bytes)| {
            let bytes = bytes?;
            let read = entry::read(&bytes);
            let (entry, statement) = read.map_err(|why| LedgerError::unread(sequence, why))?;
            Ok((sequence, entry, statement, look(&bytes)))
        })
    }

    fn unread(&mut self, count: u64, why: String) -> LedgerError {
        let sequence = self.next;
        self.next += count;
        LedgerError::unread(sequence, why)
    }

    /// Entries of a bundle that is not there: damage, or archived.
    fn absent(&mut self, count: u64, finding: Option<Box<Finding>>) -> LedgerError {
        match self.pieces.archive() {
            Some(archive) => {
                let sequence = self.next;
                self.next += count;
                LedgerError::Archived { sequence, archive }
            }
            None => self.unread(count, finding.map_or_else(String::new, |one| one.found)),
        }
    }

    fn decode(&mut self, bytes: Vec<u8>) -> Result<StoredEntry, LedgerError> {
        let sequence = self.next;
        self.next += 1;
        let stored = StoredEntry::of(sequence, bytes);
        stored.map_err(|fault| LedgerError::unread(sequence, fault))
    }
}

fn place_of<T>(decoded: &Result<DecodedEntry<T>, LedgerError>) -> u64 {
    match decoded {
        Ok((sequence, ..))
        | Err(LedgerError::Entry { sequence, .. } | LedgerError::Archived { sequence, .. }) => {
            *sequence
        }
        Err(_) => 0,
    }
}

impl Iterator for EntryReader {
    type Item = Result<StoredEntry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(bytes) = self.current.next() {
                return Some(self.decode(bytes));
            }
            match self.pieces.next()? {
                LogPiece::Entries(entries) => self.current = entries.into_iter(),
                LogPiece::Elsewhere { count } => self.next += count,
                LogPiece::Damaged { finding, count } => {
                    return Some(Err(self.unread(count, finding.found)));
                }
                LogPiece::Missing { what, count } => return Some(Err(self.unread(count, what))),
                LogPiece::Absent { leaves, finding } => {
                    return Some(Err(self.absent(leaves.len() as u64, finding)));
                }
            }
        }
    }
}
