//! What commands print for programs: JSON of a documented shape, metrics, and completions.

use std::process::Command;

use dcc_mcp_shm::{BufferOptions, BufferPool, SceneDataKind};
use serde_json::Value;

use crate::home::{PROGRAM, printed};
use crate::store::{Holder, TestStore, command};

/// The names of all fields, in order.
fn fields(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn every_command_that_prints_facts_prints_them_as_json() {
    let store = TestStore::new();
    let id = store.named("hero");
    store.scene(&BufferOptions::default().ttl(std::time::Duration::from_nanos(1)));
    store.store.set_quota(Some(1 << 30)).expect("recorded");
    let ls = ["store", "buffers", "pools", "damaged", "newer", "pending"];
    let memory = ["used_bytes", "free_bytes", "limited_by", "quota_bytes", "reserve_bytes"];
    let counts = [
        "pending_bytes",
        "pending_files",
        "buffers_by_kind",
        "pools",
        "slots",
        "free_slots",
        "holders",
        "damaged_files",
        "newer_files",
    ];
    let of = |arguments: &[&str]| store.json(&[arguments, &["--json"]].concat());
    assert_eq!(fields(&of(&["ls"])), ls);
    assert_eq!(fields(&of(&["top"])), [&ls[..], &memory].concat());
    assert_eq!(
        fields(&of(&["stats"])),
        [&["store", "exists"][..], &memory, &counts].concat()
    );
    assert_eq!(fields(&of(&["doctor"])), ["store", "errors", "warnings", "findings"]);
    let kept = of(&["keep", "hero", "--ttl", "2h"]);
    assert_eq!(fields(&kept), ["id", "name", "ttl_seconds", "expires"]);
    assert_eq!(
        (&kept["id"], &kept["ttl_seconds"]),
        (&Value::from(id.as_str()), &Value::from(7200.0))
    );
    assert!(of(&["keep", "hero"]).get("expires").is_none());
    for dry_run in [true, false] {
        let swept = of(if dry_run { &["gc", "--dry-run"] } else { &["gc"] });
        assert_eq!(fields(&swept), ["dry_run", "removed", "kept", "freed_bytes"]);
        assert_eq!(swept["dry_run"], dry_run);
        assert_eq!(fields(&swept["removed"][0]), ["id", "bytes", "reason"]);
        assert_eq!(swept["kept"][0]["id"], id.as_str());
    }
    assert_eq!(of(&["show", "hero"])["id"], id.as_str());
    assert_eq!(fields(&of(&["rm", "hero"])), ["deleted", "would_delete", "failed"]);
}

#[test]
fn a_store_that_is_not_there_is_no_error_to_programs_either() {
    let parent = tempfile::tempdir().expect("a directory");
    let nowhere = parent.path().join("nowhere");
    let told = |name: &str| -> Value {
        let output = command(&nowhere, &[name, "--json"]).output().expect("it runs");
        serde_json::from_str(&printed(&output)).expect("JSON")
    };
    assert_eq!(told("ls")["buffers"], Value::Array(Vec::new()));
    assert_eq!(told("top")["buffers"], Value::Array(Vec::new()));
    assert_eq!(told("gc")["freed_bytes"], 0);
    assert_eq!(
        (&told("stats")["exists"], &told("stats")["pools"]),
        (&false.into(), &0.into())
    );
    let output = command(&nowhere, &["stats", "--prometheus"]).output().expect("it runs");
    let said = printed(&output);
    assert!(
        said.contains("_store_exists{store=") && said.contains("} 0\n"),
        "{said}"
    );
    assert!(!said.contains("used_bytes") && !nowhere.exists());
}

#[test]
fn findings_are_told_with_level_and_remedy_and_the_status_is_the_same() {
    let store = TestStore::new();
    store.junk(b"junk");
    let output = store.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("a list");
    let of = |level: &str| findings.iter().filter(|finding| finding["level"] == level).count();
    assert_eq!(
        [&told["errors"], &told["warnings"]],
        [&of("error").into(), &of("warning").into()] as [&Value; 2]
    );
    let damaged = findings
        .iter()
        .find(|finding| finding["subject"] == "damaged")
        .expect("a finding");
    assert!(
        damaged["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("dcc-mcp-shm rm")),
        "{damaged}"
    );
    assert!(
        findings
            .iter()
            .all(|finding| finding["level"] != "ok" || finding.get("remedy").is_none())
    );
}

#[test]
fn numbers_are_those_of_the_store() {
    let store = TestStore::new();
    for name in ["a", "b"] {
        store.scene(&BufferOptions::new(SceneDataKind::Geometry).name(name));
    }
    store.named("c");
    store.named("going");
    store.junk(b"junk");
    let options = BufferOptions::default().name("pool").persistent(true);
    BufferPool::create(&store.store, 3, 4096, &options).expect("a pool");
    store.store.set_quota(Some(1 << 30)).expect("recorded");
    let holder = Holder::of(&store, &["a", "pool", "going"]);
    store.printed(&["rm", "going"]);
    let told = store.json(&["stats", "--json"]);
    let metrics = store.printed(&["stats", "--prometheus"]);
    let prefix = format!("{{store=\"{}\"", store.path().display());
    let metric = |name: &str, label: &str| -> Value {
        let start = format!("dcc_mcp_shm_{name}{prefix}{label}}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| unreachable!("{start} is not in\n{metrics}"))
            .parse::<u64>()
            .expect("a number")
            .into()
    };
    for (name, label, field, expected) in [
        ("buffers", ",kind=\"Geometry\"", "/buffers_by_kind/Geometry/count", 2),
        (
            "buffer_bytes",
            ",kind=\"Geometry\"",
            "/buffers_by_kind/Geometry/bytes",
            16,
        ),
        ("buffers", ",kind=\"Arbitrary\"", "/buffers_by_kind/Arbitrary/count", 1),
        ("pools", "", "/pools", 1),
        ("slots", ",state=\"free\"", "/free_slots", 2),
        ("holders", "", "/holders", 1),
        ("damaged_files", "", "/damaged_files", 1),
        ("newer_files", "", "/newer_files", 0),
        ("pending_files", "", "/pending_files", 1),
        ("quota_bytes", "", "/quota_bytes", 1 << 30),
        (
            "used_bytes",
            "",
            "/used_bytes",
            store.store.used_bytes().expect("bytes"),
        ),
        (
            "pending_bytes",
            "",
            "/pending_bytes",
            store.store.pending().expect("files")[0].bytes,
        ),
    ] {
        assert_eq!(metric(name, label), expected, "{name}{label}");
        assert_eq!(told.pointer(field), Some(&expected.into()), "{field}");
    }
    assert_eq!(metric("slots", ",state=\"used\""), 1);
    let said = store.printed(&["stats"]);
    for part in [
        "quota 1.0 GiB",
        "Geometry: 2, 16 bytes",
        "1 pool, 2 of 3 slots free",
        "open in 1 process",
        "1 damaged file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    holder.end();
}

#[test]
fn a_shell_completes_commands_options_and_kinds() {
    let script = printed(
        &Command::new(PROGRAM)
            .args(["completions", "bash"])
            .env_clear()
            .output()
            .expect("it runs"),
    );
    let completed = |words: &[&str]| -> String {
        let tested = "eval \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                      _dcc__mcp__shm dcc-mcp-shm \"${COMP_WORDS[$COMP_CWORD]}\" \"${COMP_WORDS[$COMP_CWORD-1]}\"; \
                      echo \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-c", tested, &script, "dcc-mcp-shm"])
            .args(words);
        printed(&bash.output().expect("bash is there"))
    };
    assert_eq!(completed(&["st"]), "stats\n");
    assert_eq!(completed(&["rm", "--d"]), "--dry-run\n");
    assert_eq!(completed(&["ls", "--kind", "Ge"]), "Geometry\n");
    let commands = completed(&[""]);
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef dcc-mcp-shm"),
        ("fish", "complete -c dcc-mcp-shm"),
    ] {
        let output = Command::new(PROGRAM).args(["completions", shell]).env_clear().output();
        let script = printed(&output.expect("it runs"));
        assert!(script.contains(sign), "{shell}");
        for command in commands.split_whitespace().filter(|word| !word.starts_with('-')) {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert!(
        ["put", "get", "wait", "stats", "completions"]
            .iter()
            .all(|name| commands.contains(name)),
        "{commands}"
    );
}
