//! Writes the seeds of all targets into a directory, after it has seen that they reach every error that bytes can reach.
#![allow(clippy::print_stdout, reason = "this says what each seed reaches")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use dcc_mcp_shm_fuzz::seeds;

/// Errors that no bytes can cause, and why.
const BEYOND_BYTES: [(&str, &str); 7] = [
    ("Forked", "needs a fork in the middle of a write"),
    ("NameTaken", "a name is taken by its link"),
    ("NoLeases", "depends on what the system refuses"),
    (
        "OutOfMemory",
        "needs a file of terabytes, which the targets do not make; tests/all/hostile_files.rs does",
    ),
    ("StillWritable", "needs another process that can write"),
    ("StoreFull", "depends on the machine"),
    ("TooManyWatches", "depends on what else the user watches"),
];

/// The variants of the enum, as its source has them.
fn variants() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/error/mod.rs");
    let body = source
        .split("pub enum Error {")
        .nth(1)
        .unwrap()
        .split("\n}\n")
        .next()
        .unwrap();
    let names = body
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
    names.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    let mut reached = BTreeSet::new();
    for seed in seeds::all() {
        let seen = (seed.run)(&seed.bytes);
        for expected in seed.reaches {
            assert!(
                seen.0.contains(*expected),
                "{}/{} reaches {seen:?}, not {expected}",
                seed.target,
                seed.name
            );
        }
        println!(
            "{}/{}: {}",
            seed.target,
            seed.name,
            seen.0.iter().cloned().collect::<Vec<_>>().join(" ")
        );
        reached.extend(seen.0);
        let into = directory.join(seed.target);
        fs::create_dir_all(&into).unwrap();
        fs::write(into.join(seed.name), seed.bytes).unwrap();
    }
    let beyond = BEYOND_BYTES.map(|(name, _)| name);
    let missing: Vec<_> = variants()
        .into_iter()
        .filter(|name| !reached.contains(*name) && !beyond.contains(name))
        .collect();
    assert!(missing.is_empty(), "no seed reaches {missing:?}");
    assert!(
        beyond.iter().all(|name| !reached.contains(*name)),
        "of {beyond:?} one was reached"
    );
}
