//! `keep`: what it changes, and what it says.

use std::time::Duration;

use dcc_mcp_shm::{BufferOptions, BufferPool};

use crate::home::refusal;
use crate::store::{Holder, TestStore};

#[test]
fn what_is_kept_stays_until_it_is_deleted_or_as_long_as_was_said() {
    let store = TestStore::new();
    let brief = BufferOptions::default().name("hero").ttl(Duration::from_nanos(1));
    let id = store.scene(&brief);
    let other = store.scene(&BufferOptions::default().ttl(Duration::from_nanos(1)));
    let said = store.printed(&["keep", "hero"]);
    assert_eq!(
        said,
        format!("{id} (hero) stays until it is deleted. It is in memory: a reboot loses it.\n")
    );
    store.printed(&["gc"]);
    assert!(store.file(&id).exists() && !store.file(&other).exists());
    assert!(
        store
            .printed(&["show", "hero"])
            .contains("never: it stays until it is deleted")
    );
    assert!(store.printed(&["ls"]).trim_end().ends_with("never"));

    let said = store.printed(&["keep", &id[..8], "--ttl", "30h"]);
    assert!(said.contains(", in 29 h, unless somebody opens it"), "{said}");
    assert!(store.printed(&["ls"]).contains("in 29 h"));
    assert_eq!(store.json(&["show", "hero", "--json"])["ttl_seconds"], 108_000.0);
    assert_eq!(store.json(&["ls", "--json"])["buffers"][0]["ttl_seconds"], 108_000.0);
    store.printed(&["keep", "hero", "--ttl", "0"]);
    assert_eq!(store.json(&["show", "hero", "--json"])["ttl_seconds"], 0.0);
}

#[test]
fn what_somebody_has_open_is_kept_from_when_they_let_go() {
    let store = TestStore::new();
    store.named("hero");
    let holder = Holder::of(&store, &["hero"]);
    let said = store.printed(&["keep", "hero", "--ttl=90s"]);
    assert!(
        said.contains("stays 90 s after the last process has let go of it"),
        "{said}"
    );
    assert!(store.printed(&["show", "hero"]).contains("90 s after the last process"));
    holder.end();
    let expires = store.json(&["show", "hero", "--json"])["expires"].clone();
    assert!(expires.is_string(), "{expires}");
}

#[test]
fn what_cannot_be_kept_says_why() {
    let store = TestStore::new();
    store.named("hero");
    let options = BufferOptions::default().name("viewport").persistent(true);
    BufferPool::create(&store.store, 1, 4096, &options).expect("a pool");
    for (name, why) in [("viewport", "`persistent`"), ("nope", "nothing is shared as \"nope\"")] {
        let said = refusal(&store.run(&["keep", name]));
        assert!(said.contains(why), "{said}");
    }
    let said = refusal(&store.run(&["keep", "hero", "--ttl", "300000d"]));
    assert!(said.contains("584 years"), "{said}");
    for ttl in ["tomorrow", "-2h", "1.5e3", ""] {
        let output = store.run(&["keep", "hero", &format!("--ttl={ttl}")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains("45m, 2h or 7d"),
            "{said}"
        );
    }
    assert_eq!(store.json(&["show", "hero", "--json"])["ttl_seconds"], 900.0);
    assert_eq!(store.run(&["keep"]).status.code(), Some(2), "a mistake of usage");
}
