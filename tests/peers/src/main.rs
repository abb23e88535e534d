//! One peer, held open, told by its standard input what to do and timed where the work is: `peers KIND PLACE [ARGUMENT]`.
//!
//! | line | what is done | what is answered |
//! |---|---|---|
//! | `fill N` | appends in commits of 1,000 until there are N | seconds |
//! | `one K` | appends K records, each durable before the next | seconds of each |
//! | `verify` | checks all there is | seconds, how many were checked |
//! | `settle` | brings what was written to rest | bytes, where the peer knows better than its folder |
//!
//! `peers texts FROM TO` prints the texts of records, for peers that are programs.

mod decern;
mod libro;
mod postgres;
mod raw;
mod record;
mod serve;
mod sqlite;

use std::error::Error;
use std::io::BufRead as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const BATCH: u64 = 1_000;

/// Somewhere records can be kept.
trait Peer {
    /// Makes ready, before anything is timed.
    fn wake(&mut self) -> Outcome {
        Ok(())
    }

    /// Appends a record for each text; all of them survive a power cut when it returns.
    fn append(&mut self, texts: &[String]) -> Outcome;

    /// Checks everything that is stored, as far as the peer can. How many records that was.
    fn verify(&mut self) -> Outcome<u64>;

    /// Brings what was written to rest; the bytes it takes, where a folder does not tell.
    fn settle(&mut self) -> Outcome<Option<u64>> {
        Ok(None)
    }
}

fn open(kind: &str, place: &Path, argument: Option<&str>) -> Outcome<Box<dyn Peer>> {
    Ok(match kind {
        "raw" => Box::new(raw::Raw::open(place)?),
        "sqlite" => Box::new(sqlite::Sqlite::open(place)?),
        "postgres" => Box::new(postgres::Postgres::open(place)?),
        "decern" => Box::new(decern::Decern::open(place)?),
        "libro" => Box::new(libro::Libro::open(place)?),
        "serve" => Box::new(serve::Serve::open(place, argument.ok_or("which ledger?")?)?),
        _ => return Err(format!("no peer `{kind}`").into()),
    })
}

fn main() -> Outcome {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["texts", from, to] => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            for number in from.parse()?..to.parse()? {
                writeln!(out, "{}", record::text(number))?;
            }
            Ok(out.flush()?)
        }
        [kind, place] => serve_orders(&mut *open(kind, Path::new(place), None)?),
        [kind, place, argument] => {
            serve_orders(&mut *open(kind, Path::new(place), Some(argument))?)
        }
        _ => Err("peers KIND PLACE [ARGUMENT]".into()),
    }
}

fn serve_orders(peer: &mut dyn Peer) -> Outcome {
    let mut length = 0;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        peer.wake()?;
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["fill", to] => fill(peer, &mut length, to.parse()?)?,
            ["one", count] => one_by_one(peer, &mut length, count.parse()?)?,
            ["verify"] => {
                let begun = Instant::now();
                let checked = peer.verify()?;
                format!("{} {checked}", begun.elapsed().as_secs_f64())
            }
            ["settle"] => peer
                .settle()?
                .map_or_else(String::new, |bytes| bytes.to_string()),
            _ => return Err(format!("`{line}`?").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

fn fill(peer: &mut dyn Peer, length: &mut u64, to: u64) -> Outcome<String> {
    let mut seconds = 0.0;
    while *length < to {
        let end = to.min(*length + BATCH);
        let texts: Vec<_> = (*length..end).map(record::text).collect();
        let begun = Instant::now();
        peer.append(&texts)?;
        seconds += begun.elapsed().as_secs_f64();
        *length = end;
    }
    Ok(seconds.to_string())
}

fn one_by_one(peer: &mut dyn Peer, length: &mut u64, count: u64) -> Outcome<String> {
    let mut took = Vec::new();
    for _ in 0..count {
        let text = [record::text(*length)];
        let begun = Instant::now();
        peer.append(&text)?;
        took.push(begun.elapsed().as_secs_f64().to_string());
        *length += 1;
    }
    Ok(took.join(" "))
}
