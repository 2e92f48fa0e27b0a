//! What comes is told whatever clocks say, once, and each name is in each listing.

use std::fs::{File, OpenOptions, Permissions, set_permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Store};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, ERAS, command};
use crate::scenes::{in_both_eras, store};

/// Where a header says when a scene was finished, as the format says.
const FINISHED: u64 = 96;
const HOUR: Duration = Duration::from_secs(3600);
/// More than a cursor can name.
const MANY: usize = 40;
/// Listings beside a writer that replaces what has a name.
const LISTINGS: usize = 1000;

fn share(store: &Store, options: &BufferOptions) -> Uuid {
    SharedSceneBuffer::write(store, b"data", options).expect("a scene").id()
}

fn scene(store: &Store) -> Uuid {
    share(store, &BufferOptions::default())
}

fn named(name: &str) -> BufferOptions {
    BufferOptions::default().name(name).replace(true)
}

/// Makes a scene one that was finished at another time, by its writer's clock.
fn date(store: &Store, id: Uuid, time: SystemTime) {
    let path = store.path().join(format!("{id}.shm"));
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).expect("later");
    let nanos = u64::try_from(since_1970.as_nanos()).expect("not yet");
    set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
    let file = OpenOptions::new().write(true).open(&path).expect("a file");
    file.write_all_at(&nanos.to_le_bytes(), FINISHED).expect("written");
    set_permissions(&path, Permissions::from_mode(0o400)).expect("its owner");
}

fn ids(result: &Value) -> Vec<Uuid> {
    let buffers = result["buffers"].as_array().expect("buffers").iter();
    buffers
        .map(|buffer| buffer["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"))
        .collect()
}

fn wait(client: &mut Client, cursor: &Value) -> Value {
    let arguments = json!({"cursor": cursor, "timeout_seconds": 0});
    client.call("wait_for_buffer", arguments).0
}

#[test]
fn what_comes_after_a_clock_was_set_back_is_told() {
    in_both_eras(|store, client| {
        let (nothing, _) = client.call("list_buffers", json!({}));
        let first = scene(store);
        let (listing, _) = client.call("list_buffers", json!({}));
        let hour_ago = SystemTime::now() - HOUR;
        let (second, hero) = (scene(store), share(store, &named("hero")));
        date(store, second, hour_ago);
        date(store, hero, hour_ago + Duration::from_secs(1));
        let came = wait(client, &listing["wait_cursor"]);
        assert_eq!(ids(&came), [hero, second]);
        assert_eq!(
            ids(&wait(client, &nothing["wait_cursor"])),
            [hero, second, first],
            "an earlier one"
        );
        assert!(
            ids(&wait(client, &came["wait_cursor"])).is_empty(),
            "nothing comes twice"
        );
        let newer = json!({"buffer": "hero", "cursor": listing["wait_cursor"], "timeout_seconds": 0});
        assert_eq!(ids(&client.call("wait_for_buffer", newer).0), [hero]);
        let (listing, _) = client.call("list_buffers", json!({}));
        assert_eq!(
            ids(&listing),
            [hero, second, first],
            "what was published last comes first"
        );
    });
}

#[test]
fn buffers_dated_ahead_make_no_wait_deaf() {
    for era in ERAS {
        let (_parent, store) = store();
        for years in 1..=u32::try_from(MANY).expect("few") {
            let id = scene(&store);
            date(&store, id, SystemTime::now() + HOUR * 24 * 365 * years);
        }
        let mut client = Client::start(store.path(), era);
        let (listing, _) = client.call("list_buffers", json!({}));
        assert!(
            ids(&wait(&mut client, &listing["wait_cursor"])).is_empty(),
            "all were there"
        );
        let first = scene(&store);
        let came = wait(&mut client, &listing["wait_cursor"]);
        assert_eq!(ids(&came), [first]);
        // A fresh wait, by a filter and by a name.
        for arguments in [
            json!({"name": "her", "timeout_seconds": 50}),
            json!({"buffer": "hero", "timeout_seconds": 50}),
        ] {
            let reference = "hero".parse().expect("a name");
            drop(store.delete(&reference));
            let id = client.begin("tools/call", json!({"name": "wait_for_buffer", "arguments": arguments}));
            let other = store.clone();
            let is_told = Arc::new(AtomicBool::new(false));
            let told = is_told.clone();
            // Until the wait has looked once, what is there is not new to it.
            let publisher = thread::spawn(move || {
                while !told.load(Ordering::Relaxed) {
                    share(&other, &named("hero"));
                    thread::yield_now();
                }
            });
            let answer = client.answer();
            is_told.store(true, Ordering::Relaxed);
            publisher.join().expect("published");
            assert_eq!(answer["id"], id);
            let came = &answer["result"]["structuredContent"];
            assert_eq!(
                (&came["timed_out"], &came["buffers"][0]["name"]),
                (&json!(false), &json!("hero"))
            );
        }
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn cursors_of_older_servers_skip_nothing() {
    in_both_eras(|store, client| {
        let (first, second) = (scene(store), scene(store));
        let waiting = "2026-11-24T03:00:00.000000_";
        for cursor in [
            waiting.to_owned(),
            format!("2099-01-01T00:00:00.000000_{:x}", first.as_fields().0),
        ] {
            let came = wait(client, &json!(cursor));
            assert_eq!(ids(&came), [second, first], "{cursor}");
            assert!(ids(&wait(client, &came["wait_cursor"])).is_empty());
        }
        let page = json!({"cursor": format!("{waiting}{second}"), "limit": 2});
        assert_eq!(ids(&client.call("list_buffers", page).0), [second, first]);
    });
}

#[test]
fn a_publication_that_began_before_a_listing_is_told_when_it_ends() {
    in_both_eras(|store, client| {
        share(store, &named("early"));
        let lock = File::open(store.path().join(".lock")).expect("the lock");
        flock(&lock, FlockOperation::LockExclusive).expect("free");
        let other = store.clone();
        let publisher = thread::spawn(move || share(&other, &named("late")));
        // Until it has its number, and waits to be given its name.
        let has_number = || {
            let mut drafts = store.path().read_dir().expect("a directory").filter_map(Result::ok);
            drafts.any(|file| {
                let mut number = [0; 8];
                let is_draft = file.path().extension().is_some_and(|end| end == "draft");
                let read = || File::open(file.path())?.read_exact_at(&mut number, FINISHED + 8);
                is_draft && { read }().is_ok() && ![0, u64::MAX].contains(&u64::from_le_bytes(number))
            })
        };
        while !has_number() {
            thread::yield_now();
        }
        let between = scene(store);
        let (listing, _) = client.call("list_buffers", json!({}));
        assert_eq!(ids(&listing)[0], between);
        flock(&lock, FlockOperation::Unlock).expect("ours");
        let late = publisher.join().expect("published");
        // As if it had been stopped for so long.
        date(store, late, SystemTime::now() - HOUR);
        let mut other = Client::start(store.path(), ERAS[0]);
        for client in [client, &mut other] {
            let came = wait(client, &listing["wait_cursor"]);
            assert_eq!(ids(&came), [late]);
            assert!(ids(&wait(client, &came["wait_cursor"])).is_empty());
        }
    });
}

#[test]
fn a_name_that_is_always_there_is_in_each_listing() {
    let (_parent, store) = store();
    share(&store, &named("hero"));
    let mut client = Client::start(store.path(), ERAS[0]);
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let replacing = scope.spawn(|| {
            let mut times = 0;
            while !enough.load(Ordering::Relaxed) {
                share(&store, &named("hero"));
                times += 1;
            }
            times
        });
        let heroes = |listing: &Value| {
            let buffers = listing["buffers"].as_array().expect("buffers");
            buffers.iter().filter(|buffer| buffer["name"] == "hero").count()
        };
        let mut wrong = Vec::new();
        for round in 0..LISTINGS {
            let arguments = match round % 2 {
                0 => json!({"name": "hero"}),
                _ => json!({}),
            };
            let heroes = heroes(&client.call("list_buffers", arguments).0);
            if heroes != 1 {
                wrong.push((round, heroes));
            }
        }
        let mut unlisted = 0;
        for _ in 0..LISTINGS / 10 {
            let mut ls = command(&["ls", "--json", "--store"]);
            let output = ls.arg(store.path()).output().expect("it runs");
            let listing: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            unlisted += usize::from(heroes(&listing) != 1);
        }
        enough.store(true, Ordering::Relaxed);
        let times = replacing.join().expect("it goes on");
        assert!(
            wrong.is_empty() && unlisted == 0,
            "{wrong:?} and {unlisted} of {LISTINGS}"
        );
        assert!(times > 100, "{times} times");
    });
}
