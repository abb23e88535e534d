//! `ledger append` as a whole process, on a small and on a large ledger, beside a git commit signed
//! with an ssh-ed25519 key under `core.fsync=all`; in turns within one run.
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

use figures::Sample;
use rotation_ledger::sys::keyfile;

const ROUNDS: usize = 40;

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
