//! `ls` chooses and arranges, `rm` takes patterns and groups, and both mean the same by them.

use dcc_mcp_shm::{BufferOptions, BufferPool, SceneDataKind, SharedSceneBuffer};
use serde_json::Value;

use crate::store::{Holder, TestStore};

fn share(store: &TestStore, name: Option<&str>, kind: SceneDataKind, group: Option<&str>, bytes: usize) {
    let mut options = BufferOptions::new(kind);
    if let Some(name) = name {
        options = options.name(name);
    }
    if let Some(group) = group {
        options = options.group(group);
    }
    SharedSceneBuffer::write(&store.store, &vec![1; bytes], &options).expect("a scene");
}

/// Frames, a mesh, a note without a name, and a pool.
fn full() -> TestStore {
    let store = TestStore::new();
    share(
        &store,
        Some("beauty.0102"),
        SceneDataKind::Screenshot,
        Some("shot"),
        3000,
    );
    share(
        &store,
        Some("beauty.0101"),
        SceneDataKind::Screenshot,
        Some("shot"),
        2000,
    );
    share(&store, Some("hero"), SceneDataKind::Geometry, Some("Shot"), 5000);
    share(&store, None, SceneDataKind::Arbitrary, None, 10);
    let options = BufferOptions::default().name("viewport").persistent(true).group("shot");
    BufferPool::create(&store.store, 2, 1 << 20, &options).expect("a pool");
    store
}

/// The names of a listing in its order, as `ls` prints them; `-` for none.
fn listed(store: &TestStore, arguments: &[&str]) -> Vec<String> {
    let said = store.printed(&[&["ls"], arguments].concat());
    let rows = said.lines().skip(1).map(|line| {
        let second = line.split_whitespace().nth(1).expect("a name or a kind");
        if second == "Arbitrary" {
            "-".to_owned()
        } else {
            second.to_owned()
        }
    });
    rows.collect()
}

#[test]
fn a_listing_is_chosen_from_by_everything_that_is_in_it() {
    let store = full();
    let all = ["viewport", "-", "hero", "beauty.0101", "beauty.0102"];
    let holder = Holder::of(&store, &["hero", "viewport"]);
    let pid = holder.pid().to_string();
    let program = store.json(&["show", "hero", "--json"])["kind"].clone();
    assert_eq!(program, "Geometry");
    let seen = store.json(&["ls", "--json"]);
    let program = seen["pools"][0]["holders"][0]["program"]
        .as_str()
        .expect("a program")
        .to_owned();
    for (arguments, expected) in [
        (&[][..], &all[..]),
        (&["--kind", "Screenshot"], &["beauty.0101", "beauty.0102"]),
        (&["--kind", "screenshot"], &["beauty.0101", "beauty.0102"]),
        (&["--kind", "pool"], &["viewport"]),
        (&["--kind", "animationcache"], &[]),
        (&["--group", "shot"], &["viewport", "beauty.0101", "beauty.0102"]),
        (&["--group", "Shot"], &["hero"]),
        (&["--group", "sho"], &[]),
        (&["--name", "beauty.*"], &["beauty.0101", "beauty.0102"]),
        (&["--name", "*e*o*"], &["viewport", "hero"]),
        (&["--name", "HERO"], &[]),
        (&["--larger", "2K"], &["viewport", "hero", "beauty.0102"]),
        (&["--larger", "3000"], &["viewport", "hero"]),
        (&["--larger", "1.5M"], &["viewport"]),
        (&["--larger", "2M"], &[]),
        (&["--holder", &pid], &["viewport", "hero"]),
        (&["--holder", &program.to_uppercase()[..4]], &["viewport", "hero"]),
        (&["--holder", "0"], &[]),
        (&["--kind", "geometry", "--larger", "4K", "--holder", &pid], &["hero"]),
        (&["--kind", "geometry", "--group", "shot"], &[]),
        (
            &["--sort", "name"],
            &["beauty.0101", "beauty.0102", "hero", "viewport", "-"],
        ),
        (
            &["--sort", "size"],
            &["viewport", "hero", "beauty.0102", "beauty.0101", "-"],
        ),
        (
            &["--sort", "size", "--reverse", "--larger", "2K"],
            &["beauty.0102", "hero", "viewport"],
        ),
        (&["--reverse"], &["beauty.0102", "beauty.0101", "hero", "-", "viewport"]),
    ] {
        assert_eq!(listed(&store, arguments), expected, "{arguments:?}");
        let json = store.json(&[&["ls", "--json"], arguments].concat());
        let count = ["buffers", "pools"].map(|list| json[list].as_array().expect("a list").len());
        assert_eq!(count[0] + count[1], expected.len(), "{arguments:?}");
        let names: Vec<_> = json["buffers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|buffer| &buffer["name"])
            .collect();
        let of_buffers = expected.iter().filter(|name| **name != "viewport");
        let expected: Vec<_> = of_buffers
            .map(|name| if *name == "-" { Value::Null } else { Value::from(*name) })
            .collect();
        assert!(names.into_iter().eq(&expected), "{arguments:?}");
    }
    for (option, value) in [("--larger", "much"), ("--kind", "mesh"), ("--sort", "colour")] {
        assert_eq!(store.run(&["ls", option, value]).status.code(), Some(2), "{option}");
    }
}

#[test]
fn what_has_nothing_to_choose_by_is_listed_unless_something_is_chosen() {
    let store = full();
    let junk = store.junk(b"junk");
    for (arguments, is_there) in [
        (&["--sort", "size"][..], true),
        (&["--reverse"], true),
        (&["--name", "*"], false),
    ] {
        let said = store.printed(&[&["ls"], arguments].concat());
        assert_eq!(said.contains(&junk[..8]), is_there, "{said}");
    }
}

#[test]
fn names_like_a_pattern_are_deleted_and_seen_before() {
    let store = full();
    share(&store, Some("beauty.*"), SceneDataKind::Arbitrary, None, 1);
    for (pattern, expected) in [
        ("beauty.010?", &["beauty.0101", "beauty.0102"][..]),
        ("*o*", &["viewport", "hero"]),
        ("??*r?", &["viewport", "hero"]),
    ] {
        let before = listed(&store, &[]);
        let said = store.printed(&["rm", pattern, "--dry-run"]);
        let would: Vec<_> = said
            .lines()
            .filter_map(|line| line.split_once(" (")?.1.split_once("): "))
            .collect();
        let names: Vec<_> = would.iter().map(|(name, _)| *name).collect();
        assert!(said.lines().all(|line| line.starts_with("Would delete ")), "{said}");
        assert_eq!(names.len(), expected.len(), "{pattern}: {said}");
        assert!(expected.iter().all(|name| names.contains(name)), "{pattern}: {said}");
        assert_eq!(listed(&store, &["--name", pattern]), names, "the same pattern");
        assert_eq!(listed(&store, &[]), before);
    }
    // What has the pattern as its very name is meant by it, and nothing else.
    assert_eq!(store.printed(&["rm", "beauty.*"]).lines().count(), 1);
    assert_eq!(listed(&store, &["--name", "beauty.*"]).len(), 2);
    assert_eq!(store.printed(&["rm", "beauty.*"]).lines().count(), 2);
    assert_eq!(listed(&store, &[]), ["viewport", "-", "hero"]);
}

#[test]
fn what_matches_nothing_is_an_error_with_advice_and_keeps_no_others() {
    let store = full();
    for (arguments, advice) in [
        (&["rm", "nothing*"][..], "ls --name takes the same patterns"),
        (&["rm", "HERO*"], "ls --name"),
        (&["rm", "?"], "ls --name"),
        (&["rm", "--group", "SHOT"], "case matters"),
        (&["rm", "--group", "sho*"], "case matters"),
        (&["rm", "nothing*", "--dry-run"], "ls --name"),
    ] {
        let output = store.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            error.contains(advice) && error.contains(arguments.get(2).unwrap_or(&"nothing"))
                || error.contains(arguments[1]),
            "{error}"
        );
        assert!(output.stdout.is_empty());
    }
    assert_eq!(listed(&store, &[]).len(), 5);
    let output = store.run(&["rm", "nothing*", "hero", "none?", "beauty*"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 2);
    assert_eq!(listed(&store, &[]), ["viewport", "-"]);
    for arguments in [&["rm"][..], &["rm", "hero", "--group", "shot"], &["rm", "--dry-run"]] {
        assert_eq!(store.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_group_goes_with_its_pools_and_programs_are_told_what_came_of_it() {
    let store = full();
    let holder = Holder::of(&store, &["beauty.0101"]);
    let would = store.json(&["rm", "--group", "shot", "--dry-run", "--json"]);
    let going = would["would_delete"].as_array().expect("a list");
    assert_eq!(going.len(), 3, "{would}");
    assert_eq!(going[0]["role"], "pool");
    assert_eq!(going[0]["bytes"], (2 << 20) + 3 * 4096);
    assert_eq!(going[1]["holders"][0]["pid"], holder.pid());
    assert_eq!(would["deleted"].as_array().map(Vec::len), Some(0));
    let done = store.json(&["rm", "--group", "shot", "--json"]);
    let ids = |list: &Value| {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|one| one["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&done["deleted"]), ids(&would["would_delete"]));
    assert_eq!(done["deleted"][1]["pending_bytes"], 2000 + 4096);
    assert_eq!(done["deleted"][1]["holders"][0]["pid"], holder.pid());
    assert_eq!(listed(&store, &["--name", "*"]), ["hero"]);
    let output = store.run(&["rm", "nope", "hero", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["failed"][0]["buffer"], "nope");
    assert!(
        told["failed"][0]["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("nope"))
    );
    assert_eq!(told["deleted"][0]["name"], "hero");
}

#[test]
fn of_how_many_it_cannot_be_seen_who_has_them_open_is_told() {
    let store = TestStore::new();
    let names = ["beauty.1", "beauty.2", "hero"];
    for name in names {
        store.named(name);
    }
    let options = BufferOptions::default().name("beauty.pool").persistent(true);
    BufferPool::create(&store.store, 1, 4096, &options).expect("a pool");
    for (choice, unseen) in [
        (&["--holder", "blender"][..], 4),
        (&["--holder", "1", "--name", "beauty.*"], 3),
        (&["--holder", "blender", "--kind", "pool"], 1),
        (&["--holder", "blender", "--name", "nope"], 0),
        (&["--name", "beauty.*"], 0),
        (&[], 0),
    ] {
        for json in [&[][..], &["--json"]] {
            let arguments = [&["ls"], choice, json].concat();
            let output = store.run_unseeing(&arguments);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
            let told = format!("who has {unseen} of them open");
            assert_eq!(errors.lines().count(), usize::from(unseen > 0), "{errors}");
            assert_eq!(errors.contains(&told), unseen > 0, "{choice:?}: {errors}");
            assert!(store.run(&arguments).stderr.is_empty());
        }
    }
}
