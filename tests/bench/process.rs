//! `ledger append` as a whole process, on a small and on a large ledger, beside a git commit signed
//! with an ssh-ed25519 key under `core.fsync=all`; in turns within one run. Then 64 MiB attached, beside
//! `sha256sum` of the same file.
//!
//! `cargo bench --bench process`; `LEDGER_BENCH_ENTRIES` is the large size.

#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

#[path = "figures.rs"]
mod figures;
#[path = "../support/generate.rs"]
mod generate;

use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use figures::Sample;
use rotation_ledger::sys::keyfile;

const ROUNDS: usize = 40;
const FILES: usize = 5;
const ATTACHMENT: usize = 64 << 20;

fn main() {
    let large = figures::asked("LEDGER_BENCH_ENTRIES", 1_000_000);
    let folder = figures::folder();
    let mut ledgers = Vec::new();
    for size in [1_000, large] {
        let home = folder.path().join(size.to_string());
        std::fs::create_dir(&home).unwrap();
        let world = generate::world();
        let secrets = (size / 500).clamp(10, 2_000);
        let (_, mut writer) = generate::found(&world, &home, secrets);
        generate::fill(&world, &mut writer, size, secrets);
        ledgers.push((writer.size(), home, Sample::new()));
        writer.close();
    }
    let key = folder.path().join("olga.pem");
    keyfile::write_new(&key, &generate::cast().olga, None).unwrap();
    let repository = git(folder.path());
    let mut commits = Sample::new();
    let mut nothing = Sample::new();
    for round in 0..ROUNDS {
        for (_, home, sample) in &mut ledgers {
            let took = figures::time(&mut figures::append(home, &key, round));
            // The first run of each catches the index up after the ledger was made.
            if round > 0 {
                sample.add(took);
            }
        }
        commits.add(figures::time(
            Command::new("git").current_dir(&repository).args([
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "rotated",
            ]),
        ));
        nothing.add(figures::time(&mut Command::new("true")));
    }
    println!("one durable append as a whole process, {ROUNDS} of each in turns");
    println!("  an empty process         {}", nothing.rate(1));
    for (size, home, sample) in &ledgers {
        println!(
            "  ledger of {size:>9}      {}   peak {} KiB",
            sample.rate(1),
            figures::peak(&figures::append(home, &key, ROUNDS))
        );
    }
    println!("  git commit, ssh-ed25519  {}", commits.rate(1));
    attachments(folder.path(), &ledgers[0].1, &key);
    if let [(_, _, small), (_, _, large)] = ledgers.as_slice() {
        println!(
            "  large against small      {:.2} times",
            large.median() / small.median()
        );
        println!(
            "  git against large        {:.1} times",
            commits.median() / large.median()
        );
    }
}

/// Evidence of four kinds, each the largest that an attachment may be, never twice the same.
fn attachments(folder: &Path, home: &Path, key: &Path) {
    println!(
        "an attachment of 64 MiB as a whole process, {FILES} of each kind in turns with sha256sum"
    );
    let mut chance = 1_u64;
    let mut next = move || {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance
    };
    let mut piece = |kind: usize| {
        match kind {
        0 => format!("{{\"time\":\"2026-01-05T09:00:00.{0:03}Z\",\"level\":\"info\",\"trace\":\"{1:016x}{2:016x}\",\"said\":\"orders-api answered\",\"url\":\"https://orders.internal:8443/api/v1/orders/{0}\"}}\n", next() % 1000, next(), next()).into_bytes(),
        1 => format!("Jan  5 09:00:{:02} host orders[{}]: the pool was drained and all connections use the new version\n", next() % 60, next() % 9999).into_bytes(),
        2 => {
            // Some hundred of them in another order each time: in fifty million bytes of chance something looks like a password.
            let mut chance = next() % 256;
            let der = (0..1024).map(|_| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (chance >> 56) as u8
            });
            let der: Vec<u8> = [0x30, 0x82, 4, 0].into_iter().chain(der).collect();
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der)).into_bytes()
        }
        _ => (next() >> 16).to_be_bytes()[2..].to_vec(),
    }
    };
    let file = folder.join("evidence");
    for (kind, name) in [
        "JSON, a line each",
        "a system's log",
        "certificates",
        "random bytes",
    ]
    .into_iter()
    .enumerate()
    {
        let (mut attached, mut summed) = (Sample::new(), Sample::new());
        for _ in 0..FILES {
            let mut bytes = Vec::with_capacity(ATTACHMENT);
            while bytes.len() < ATTACHMENT {
                bytes.extend(piece(kind));
            }
            bytes.truncate(ATTACHMENT);
            std::fs::write(&file, &bytes).unwrap();
            attached.add(figures::time(
                figures::ledger(home, key)
                    .args([
                        "append",
                        "evidence.attached",
                        "--secret",
                        "db/orders-1",
                        "--description",
                        "output",
                        "--attach",
                    ])
                    .arg(&file),
            ));
            summed.add(figures::time(Command::new("sha256sum").arg(&file)));
        }
        println!(
            "  {name:<20} {:>7.0} ms   sha256sum {:>7.0} ms   {:.1} times",
            attached.median() * 1e3,
            summed.median() * 1e3,
            attached.median() / summed.median()
        );
    }
}

fn git(folder: &Path) -> std::path::PathBuf {
    let repository = folder.join("git");
    let key = folder.join("ssh");
    let run = |program: &str, args: &[&str]| {
        let status = Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{program} {args:?}");
    };
    let (at, key, public) = (
        repository.display().to_string(),
        key.display().to_string(),
        format!("{}.pub", key.display()),
    );
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    run("git", &["init", "-q", &at]);
    for (name, value) in [
        ("user.name", "bench"),
        ("user.email", "bench@example.com"),
        ("gpg.format", "ssh"),
        ("user.signingkey", public.as_str()),
        ("commit.gpgsign", "true"),
        ("core.fsync", "all"),
    ] {
        run("git", &["-C", &at, "config", name, value]);
    }
    repository
}
