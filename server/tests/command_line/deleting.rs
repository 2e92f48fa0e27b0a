//! `rm` and `gc`: what goes, what stays, and what is said about it.

use std::time::Duration;

use dcc_mcp_shm::{BufferOptions, BufferPool, SharedBuffer};

use crate::store::{Holder, TestStore};

#[test]
fn what_is_deleted_is_gone_and_whoever_has_it_mapped_keeps_it() {
    let store = TestStore::new();
    let id = store.named("hero");
    let holder = Holder::of(&store, &["hero"]);
    let said = store.printed(&["rm", "hero"]);
    assert!(
        said.starts_with(&format!("Deleted {id} (hero). 4.0 KiB (4104 bytes) are still in use: ")),
        "{said}"
    );
    assert!(said.contains(&format!("(process {})", holder.pid())), "{said}");
    assert!(!store.file(&id).exists() && !store.printed(&["ls"]).contains("Geometry"));
    assert!(holder.end().contains("saw Ok(\"vertices\")"));
    assert_eq!(store.printed(&["ls", "--json"]).matches("held_by").count(), 0);
    let free = store.named("free");
    assert_eq!(
        store.printed(&["rm", "free"]),
        format!("Deleted {free} (free). 4.0 KiB (4104 bytes) are free.\n")
    );
}

#[test]
fn what_is_deleted_and_still_in_use_is_seen_with_what_keeps_it() {
    let store = TestStore::new();
    let (held, mapped) = (store.named("held"), store.named("mapped"));
    let holder = Holder::of(&store, &["held"]);
    let file = std::fs::File::open(store.file(&mapped)).expect("a file");
    store.printed(&["rm", "held", "mapped"]);
    let kept = [
        format!("(process {})", holder.pid()),
        "mapped without a lock".to_owned(),
    ];
    let said = store.printed(&["ls"]);
    for ((id, name), keeper) in [(&held, "held"), (&mapped, "mapped")].into_iter().zip(&kept) {
        let line = said.lines().find(|line| line.starts_with(&id[..4])).expect("a line");
        assert!(
            line.contains(&format!("{name}  deleted, 4.0 KiB still in use: ")),
            "{line}"
        );
        assert!(line.ends_with(keeper), "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&store.printed(&["ls", "--json"])).expect("JSON");
    let pending = json["pending"].as_array().expect("a list");
    let pids: Vec<_> = pending.iter().map(|file| &file["holders"][0]["pid"]).collect();
    assert!(pids.contains(&&serde_json::json!(holder.pid())), "{json}");
    let said = store.printed(&["top"]);
    assert!(said.contains("2 deleted files still in use (8.0 KiB)"), "{said}");
    let said = store.printed(&["doctor"]);
    let line = said.lines().find(|line| line.contains("deleted ")).expect("a line");
    assert!(line.starts_with("warning  deleted"), "{line}");
    assert!(line.contains("2 deleted files still in use, 8.0 KiB"), "{line}");
    assert!(kept.iter().all(|keeper| line.contains(keeper)), "{line}");
    assert!(
        said.contains(&format!("grep -l -e {mapped} /proc/[0-9]*/maps")),
        "{said}"
    );
    assert!(!said.contains("All is well"), "{said}");
    drop(file);
    holder.end();
    store.printed(&["gc"]);
    assert!(!store.printed(&["ls"]).contains("deleted"));
    assert!(
        store
            .printed(&["doctor"])
            .contains("ok       deleted      nothing that is still in use")
    );
}

#[test]
fn one_that_is_not_there_does_not_keep_the_others() {
    let store = TestStore::new();
    let (first, last) = (store.named("first"), store.named("last"));
    let stays = store.named("stays");
    let output = store.run(&["rm", "first", "nope", &last[..8], "first"]);
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains(&first) && said.contains(&last), "{said}");
    let errors: Vec<_> = errors.lines().collect();
    assert!(errors.len() == 1 && errors[0].contains("\"nope\""), "{errors:?}");
    assert!(store.file(&stays).exists());
}

#[test]
fn what_is_meant_twice_goes_once_as_a_dry_run_says() {
    const NAMES: [&str; 4] = ["ab", "abc", "ax", "hero"];
    for arguments in [
        &["a*", "ab*"][..],
        &["ab*", "a*"],
        &["ab", "a?"],
        &["a*", "ab"],
        &["ab", "ab"],
        &["ab", "<id>"],
        &["<id>", "a*", "<start>", "*"],
    ] {
        let store = TestStore::new();
        let ids = NAMES.map(|name| store.named(name));
        let arguments = arguments.iter().map(|argument| match *argument {
            "<id>" => &ids[0],
            "<start>" => &ids[0][..8],
            argument => argument,
        });
        let arguments: Vec<_> = arguments.collect();
        let listed = |more: &[&str], list: &str| -> Vec<String> {
            let told = store.json(&[&["rm", "--json"], more, &arguments].concat());
            let list = told[list].as_array().expect("a list");
            let ids = list.iter().map(|one| one["id"].as_str().expect("an id").to_owned());
            ids.collect()
        };
        let would = listed(&["--dry-run"], "would_delete");
        assert!(ids.iter().all(|id| store.file(id).exists()), "{arguments:?}");
        assert_eq!(would, listed(&[], "deleted"), "{arguments:?}");
        for id in &ids {
            let times = would.iter().filter(|other| *other == id).count();
            assert_eq!(times, usize::from(!store.file(id).exists()), "{arguments:?}");
        }
    }
}

#[test]
fn a_name_that_cannot_be_told_is_no_pattern() {
    // Shown alike, so that the text on the command line means either.
    for (exact, spelled) in [
        ("a*\\u{200b}", "a*\u{200b}"),
        ("?\\u{202e}b", "?\u{202e}b"),
        ("*\\u{200b}?", "*\u{200b}?"),
    ] {
        let store = TestStore::new();
        let mut ids = [exact, spelled].map(|name| store.named(name)).to_vec();
        ids.extend([exact, spelled].map(|name| store.named(&name.replace(['*', '?'], "x"))));
        for options in [&[][..], &["--dry-run"]] {
            let output = store.run(&[&["rm", exact], options].concat());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{exact}");
            assert!(errors.contains("Two are shown by this name"), "{errors}");
            assert!(output.stdout.is_empty(), "{exact}");
        }
        assert!(ids.iter().all(|id| store.file(id).exists()), "{exact}");
    }
}

#[test]
fn all_go_although_nobody_reads_what_is_said() {
    let store = TestStore::new();
    let ids = ["first", "second", "third"].map(|name| store.named(name));
    for (names, status) in [(["first", "second"], 0), (["nope", "third"], 1)] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = store.command(&[&["rm"], &names[..]].concat());
        command.stdout(writer.try_clone().expect("a descriptor")).stderr(writer);
        assert_eq!(command.status().expect("the program runs").code(), Some(status));
    }
    assert!(ids.iter().all(|id| !store.file(id).exists()));
}

#[test]
fn a_pool_goes_with_its_slots_and_a_slot_not_without_its_pool() {
    let store = TestStore::new();
    let options = BufferOptions::default().name("viewport").persistent(true);
    let pool = BufferPool::create(&store.store, 2, 4096, &options).expect("a pool");
    let slot = pool.acquire().expect("a slot").id().to_string();
    let output = store.run(&["rm", &slot]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("slot"), "{error}");
    assert!(store.file(&slot).exists());
    let used = store.store.used_bytes().expect("a size");
    let said = store.printed(&["rm", "viewport"]);
    assert!(said.contains(&format!("({used} bytes)")), "{said}");
    assert!(!store.file(&slot).exists());
}

#[test]
fn a_dry_run_says_who_has_a_slot_open_without_its_pool() {
    let store = TestStore::new();
    let options = BufferOptions::default().name("viewport").persistent(true);
    let pool = BufferPool::create(&store.store, 2, 4096, &options).expect("a pool");
    let id = pool.status().expect("a status").slots[1].id;
    drop(pool);
    let told = |holders: &[u32]| {
        let told = store.json(&["rm", "viewport", "--dry-run", "--json"]);
        let pids = told["would_delete"][0]["holders"].as_array().expect("a list").clone();
        let pids: Vec<_> = pids.iter().map(|process| process["pid"].clone()).collect();
        assert_eq!(pids, holders, "{told}");
    };
    told(&[]);
    let _slot = SharedBuffer::open(&store.store, &id.into()).expect("a slot");
    told(&[std::process::id()]);
}

#[test]
fn a_dry_run_says_that_nobody_can_be_seen() {
    let store = TestStore::new();
    store.named("hero");
    let options = BufferOptions::default().name("viewport").persistent(true);
    BufferPool::create(&store.store, 2, 4096, &options).expect("a pool");
    for name in ["hero", "viewport"] {
        let said = store.printed(&["rm", name, "--dry-run"]);
        assert!(!said.contains("open"), "{said}");
        let said = crate::home::printed(&store.run_unseeing(&["rm", name, "--dry-run"]));
        assert!(said.contains("who has it open cannot be seen from here"), "{said}");
    }
}

#[test]
fn nothing_is_deleted_without_being_named() {
    let store = TestStore::new();
    store.named("hero");
    let output = store.run(&["rm"]);
    assert_eq!(output.status.code(), Some(2), "a mistake of usage");
    assert!(store.printed(&["ls"]).contains("hero"));
}

/// One of everything that goes, and of most that stays.
fn full(store: &TestStore) -> (Vec<String>, Vec<String>) {
    let expired = store.scene(&BufferOptions::default().name("expired").ttl(Duration::from_nanos(1)));
    let draft = uuid::Uuid::new_v4().to_string();
    std::fs::write(store.path().join(format!("{draft}.shm.draft")), [0; 1000]).expect("a draft");
    let fresh = store.named("fresh");
    let kept = SharedBuffer::create(&store.store, 16, &BufferOptions::default().ttl(Duration::ZERO)).expect("a buffer");
    (
        vec![expired, draft],
        vec![fresh, kept.id().to_string(), store.junk(b"junk")],
    )
}

#[test]
fn a_collection_says_what_goes_what_stays_and_why() {
    let store = TestStore::new();
    store.named("held");
    // First: who opens a store sweeps it.
    let holder = Holder::of(&store, &["held"]);
    let (goes, stays) = full(&store);
    for (arguments, removes, keeps) in [
        (&["gc", "--dry-run"][..], "Would remove", "Would keep"),
        (&["gc"], "Removed", "Kept"),
    ] {
        let said = store.printed(arguments);
        assert!(said.starts_with(&format!("{removes} 2 files, ")), "{said}");
        let (removed, kept) = said.split_once(keeps).expect("both parts");
        for (id, reason) in goes.iter().zip(["time to live has passed", "half made"]) {
            let line = removed.lines().find(|line| line.contains(id)).expect("a line");
            assert!(line.contains(reason), "{line}");
        }
        for reason in [
            "1, 4.0 KiB (4104 bytes): a program has it open",
            "1, 4.0 KiB (4104 bytes): its time to live has not passed",
            "it stays until it is deleted",
            "1, 4 bytes: it is damaged: delete it by its id",
            "The first expires in 14 min.",
        ] {
            assert!(kept.contains(reason), "{reason} is not in\n{kept}");
        }
        assert!(
            kept.lines()
                .any(|line| line.contains(&stays[2]) && line.contains("damaged")),
            "{kept}"
        );
        let is_there = |id: &String| store.file(id).exists() || store.path().join(format!("{id}.shm.draft")).exists();
        assert_eq!(
            goes.iter().filter(|id| is_there(id)).count(),
            if arguments.len() == 2 { 2 } else { 0 }
        );
        assert!(stays.iter().all(is_there));
    }
    assert!(store.printed(&["gc"]).starts_with("Removed 0 files, 0 bytes\n"));
    assert!(holder.end().contains("saw Ok"));
}
