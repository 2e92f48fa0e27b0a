//! `delete_buffer` of a group or kind: what would go, what went, and all that did not.

use std::process::Command;

use dcc_mcp_shm::{BufferOptions, BufferPool, SceneDataKind, SharedSceneBuffer, Store};
use serde_json::{Value, json};

use crate::client::{Client, Era, serve};
use crate::scenes::{in_both_eras, store};

fn scene(store: &Store, options: &BufferOptions) -> SharedSceneBuffer {
    SharedSceneBuffer::write(store, b"vertices", options).expect("a scene")
}

fn of(group: &str) -> BufferOptions {
    BufferOptions::new(SceneDataKind::Geometry).group(group)
}

/// The ids of a list of entries, in order of the ids.
fn ids(entries: &Value) -> Vec<String> {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = entries
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id").to_owned());
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [uuid::Uuid; N]) -> Vec<String> {
    let mut ids = ids.map(|id| id.to_string()).to_vec();
    ids.sort();
    ids
}

fn count(store: &Store) -> (usize, usize) {
    let listing = store.list().expect("a listing");
    (listing.buffers.len(), listing.pools.len())
}

#[test]
fn a_dry_run_says_what_goes_and_the_call_takes_just_that() {
    in_both_eras(|store, client| {
        let held = scene(store, &of("shot").name("held"));
        let free = scene(store, &of("shot")).id();
        let options = of("shot").name("pool").persistent(true);
        let pool = BufferPool::create(store, 2, 4096, &options).expect("a pool").id();
        let other = scene(store, &of("Shot")).id();
        let all = sorted([held.id(), free, pool]);
        let (said, text) = client.call("delete_buffer", json!({"group": "shot", "dry_run": true}));
        assert_eq!(ids(&said["buffers"]), all, "{said}");
        assert_eq!([&said["dry_run"], &said["total_count"]], [&json!(true), &json!(3)]);
        assert_eq!(
            [&said["freed_bytes"], &said["pending_bytes"]],
            [&json!(24584), &json!(4104)],
            "{said}"
        );
        assert!(
            text.starts_with("Nothing was deleted yet. 3 would go (of which 1 pool)"),
            "{text}"
        );
        assert!(
            text.contains(&format!("in use: processes [{}]", std::process::id())),
            "{text}"
        );
        assert!(text.ends_with("without dry_run to delete them."), "{text}");
        assert_eq!(count(store), (3, 1));
        let (said, text) = client.call("delete_buffer", json!({"group": "shot"}));
        assert_eq!(ids(&said["buffers"]), all, "{said}");
        assert_eq!(
            [&said["freed_bytes"], &said["pending_bytes"]],
            [&json!(24584), &json!(4104)],
            "{said}"
        );
        assert!(said.get("dry_run").is_none() && said.get("failed").is_none(), "{said}");
        assert!(text.starts_with("Deleted 3. 24.0 KiB"), "{text}");
        assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
        assert_eq!(count(store), (1, 0));
        assert_eq!(held.read().expect("what is held stays").len(), 8);
        store.delete(&other.into()).expect("the other group was left alone");
    });
}

#[test]
fn one_buffer_can_be_looked_at_before_it_goes() {
    in_both_eras(|store, client| {
        let id = scene(store, &of("shot").name("hero")).id();
        let (said, text) = client.call("delete_buffer", json!({"buffer": "hero", "dry_run": true}));
        assert_eq!(ids(&said["buffers"]), sorted([id]));
        assert!(
            text.contains("1 would go: 4.0 KiB (4104 bytes) would be free"),
            "{text}"
        );
        let error = client.error("delete_buffer", json!({"buffer": "HERO", "dry_run": true}));
        assert!(error.contains(&id.to_string()), "{error}");
        assert_eq!(count(store), (1, 0));
        client.call("delete_buffer", json!({"buffer": id}));
        assert_eq!(count(store), (0, 0));
    });
}

#[test]
fn a_kind_is_its_buffers_and_no_pools() {
    in_both_eras(|store, client| {
        let kept = scene(store, &BufferOptions::default());
        let geometry = scene(store, &of("a")).id();
        BufferPool::create(store, 1, 64, &of("a").persistent(true)).expect("a pool");
        let (said, _) = client.call("delete_buffer", json!({"kind": "geometry"}));
        assert_eq!(ids(&said["buffers"]), sorted([geometry]), "{said}");
        assert_eq!(count(store), (1, 1));
        let error = client.error("delete_buffer", json!({"kind": "Geometry"}));
        assert!(error.contains("No buffer is of kind Geometry"), "{error}");
        drop(kept);
        let pools = store.list().expect("a listing").pools;
        for pool in pools {
            store.delete(&pool.id.into()).expect("deleted");
        }
        client.call("delete_buffer", json!({"kind": "Arbitrary"}));
    });
}

#[test]
fn only_exact_groups_are_deleted_and_only_one_thing_is_asked_for() {
    in_both_eras(|store, client| {
        for group in ["shot010", "Shot 020", "set/é"] {
            scene(store, &of(group));
        }
        for near in [
            "Shot010",
            "SHOT010",
            "shot01",
            "shot010*",
            "shot",
            "*",
            "set/e",
            "Shot  020",
        ] {
            for dry_run in [true, false] {
                let error = client.error("delete_buffer", json!({"group": near, "dry_run": dry_run}));
                assert!(
                    error.contains("\"shot010\"") && error.contains("Nothing was deleted"),
                    "{near}: {error}"
                );
            }
        }
        let both = json!({"group": "shot010", "kind": "Geometry"});
        for (arguments, number) in [
            (json!({}), 0),
            (json!({"dry_run": true}), 0),
            (json!({"group": "", "kind": null}), 0),
            (both, 2),
            (json!({"buffer": "x", "group": "shot010"}), 2),
            (
                json!({"buffer": "x", "group": "shot010", "kind": "Geometry", "dry_run": true}),
                3,
            ),
        ] {
            let error = client.error("delete_buffer", &arguments);
            assert!(
                error.contains(&format!("{number} of `buffer`, `group` and `kind`")) && error.contains("exactly one"),
                "{arguments}: {error}"
            );
        }
        assert_eq!(count(store), (3, 0));
        // Blanks and quotes around it are none of it.
        client.call("delete_buffer", json!({"group": " \"shot010\"\n"}));
        assert_eq!(count(store), (2, 0));
        for group in ["Shot 020", "set/é"] {
            client.call("delete_buffer", json!({"group": group}));
        }
        let error = client.error("delete_buffer", json!({"group": "shot010"}));
        assert!(error.contains("no buffer has a group"), "{error}");
    });
}

#[test]
fn many_are_told_within_bounds_and_all_are_deleted() {
    in_both_eras(|store, client| {
        for at in 0..120 {
            scene(store, &of("shot").name(format!("{at}{}", "\u{200b}".repeat(60))));
        }
        for dry_run in [true, false] {
            let (said, text) = client.call("delete_buffer", json!({"group": "shot", "dry_run": dry_run}));
            assert_eq!(said["total_count"], 120);
            assert!(said.to_string().len() < 40_000 && text.len() < 40_000, "{text}");
            let told = said["buffers"].as_array().expect("a list").len();
            assert!(
                told > 10 && text.contains(&format!("and {} more", 120 - told)),
                "{text}"
            );
        }
        assert_eq!(count(store), (0, 0));
    });
}

/// A file over which one is mounted can be read and not be renamed, not even by root.
fn serve_with_mounts(store: &Store, pinned: &[uuid::Uuid]) -> Client {
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script =
        "server=$1; shift; for file; do mount --bind \"$file\" \"$file\" || exit; done; exec \"$server\" serve";
    unshare.args([
        "--mount",
        "--propagation",
        "private",
        "--",
        "/bin/sh",
        "-c",
        script,
        "sh",
    ]);
    unshare.arg(serve(store.path()).get_program());
    unshare.args(pinned.iter().map(|id| store.path().join(format!("{id}.shm"))));
    unshare.env("DCC_MCP_SHM_DIR", store.path()).env_remove("RUST_LOG");
    let mut client = Client::over_pipes(unshare, Era::Session);
    client.greet();
    client
}

#[test]
fn all_that_could_not_be_deleted_are_told_and_keep_no_others() {
    let (_parent, store) = store();
    let pinned = [1, 2].map(|at| scene(&store, &of("shot").name(format!("pinned {at}"))).id());
    let free = [(); 3].map(|()| scene(&store, &of("shot")).id());
    let mut client = serve_with_mounts(&store, &pinned);
    let (said, text) = client.call("delete_buffer", json!({"group": "shot"}));
    assert_eq!(ids(&said["buffers"]), sorted(free), "{said}");
    assert_eq!(ids(&said["failed"]), sorted(pinned), "{said}");
    assert!(text.contains("Deleted 3.") && text.contains("Not deleted: 2"), "{text}");
    for id in pinned {
        let line = text
            .lines()
            .find(|line| line.contains(&id.to_string()))
            .expect("a line");
        assert!(line.contains("pinned") && line.contains("busy"), "{line}");
    }
    // Now there is none that can be.
    let error = client.error("delete_buffer", json!({"kind": "Geometry"}));
    assert!(pinned.iter().all(|id| error.contains(&id.to_string())), "{error}");
    assert_eq!(count(&store), (2, 0));
    assert_eq!(client.end().code(), Some(0));
}
