//! Every operation of the crate, with an error injected into every system call that it makes, and killed after every one.
//!
//! Whatever fails: nothing ends the process or hangs, an error has the class of its cause, nothing is lost, what failed has
//! published nothing, no descriptor, mapping or lock is left, and all works again afterwards.
//!
//! By default a sample is taken; `make faults` takes everything. `DCC_MCP_SHM_TEST_FAULTS=<n>` takes every n-th.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;
mod model;
mod operations;
#[path = "../../../tests/properties.rs"]
mod properties;
mod tracer;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::{Peer, RESERVE, child_role, hear, live_for, number, print, say, until};
use dcc_mcp_shm::{BufferOptions, BufferPool, Error, KeptReason, SharedBuffer, SharedSceneBuffer, Store, StoreOptions};
use model::{Model, Step, step};
use nix::errno::Errno;
use nix::unistd::{Pid, gettid};
use operations::{Effect, Fixture, OPERATIONS, Operation, SMALL, name};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;
use tracer::{Fault, Trace, follow, traced};
use uuid::Uuid;

const ERRORS: [Errno; 10] = [
    Errno::EIO,
    Errno::ENOMEM,
    Errno::EINTR,
    Errno::EMFILE,
    Errno::ENFILE,
    Errno::ENOSYS,
    Errno::EPERM,
    Errno::ENOLCK,
    Errno::ENOSPC,
    Errno::EDQUOT,
];

/// What a child is for.
const PERFORM: &str = "perform";
const DIE: &str = "die";
const STEP: &str = "step";

/// What has to be there whatever happens to an operation that is not about it.
const WITNESSES: [&str; 6] = ["held", "idle", "hour", "compressed", "idle buffer", "idle pool"];

#[test]
#[ignore = "run by other tests as their child process"]
fn child() {
    let (role, parent) = child_role();
    live_for(3600);
    say(&gettid().to_string());
    if role == PERFORM {
        // Some things are made at the first use and kept: they are no leak.
        let first = Path::new(&parent).join("first");
        let running = threads();
        for operation in OPERATIONS {
            let fixture = Fixture::make(&first);
            drop(fixture.run(operation));
            close(fixture, running);
            std::fs::remove_dir_all(&first).unwrap();
        }
    }
    if role == STEP {
        return take_steps(Path::new(&parent));
    }
    loop {
        let line = hear();
        let Some((index, path)) = line.split_once(' ') else {
            return;
        };
        perform(&OPERATIONS[index.parse::<usize>().unwrap()], Path::new(path));
    }
}

/// In the child: performs an operation in a store of its own, and says what came of it and what is left of it.
fn perform(operation: &Operation, path: &Path) {
    let (before, running) = (descriptors(), threads());
    let fixture = Fixture::make(path);
    say("ready");
    hear();
    let made = traced(|| fixture.run(operation));
    match &made {
        Ok(_) => say("ok"),
        Err(error) => say(&format!("{}\t{error}", class(error))),
    }
    hear();
    drop(made);
    // This process must be able to go on as well as others.
    use_it(&fixture.store);
    close(fixture, running);
    let mappings = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mappings = mappings
        .lines()
        .filter(|line| line.contains(path.to_str().unwrap()))
        .count();
    say(&format!("{} {mappings}", descriptors().abs_diff(before)));
}

/// In the child: takes one step after the other, in a new store whenever it is told.
fn take_steps(parent: &Path) {
    let mut store = None;
    loop {
        let line = hear();
        if line.is_empty() {
            return;
        }
        if let Some(name) = line.strip_prefix("new ") {
            store = Some(Store::open(&StoreOptions::at(parent.join(name)).reserve(RESERVE)).unwrap());
            say("opened");
            continue;
        }
        let step: Step = line.parse().unwrap();
        match traced(|| step.take(store.as_ref().unwrap())) {
            Ok(made) => say(&format!("ok {}", made.unwrap_or_default())),
            Err(error) => say(&format!("{}\t{error}", class(&error))),
        }
    }
}

/// Lets go of a store, and of the memory that is kept in it: then the thread that looks after that ends.
fn close(fixture: Fixture, running: usize) {
    fixture.store.gc(false).unwrap();
    drop(fixture);
    until("the thread ends", || (threads() <= running).then_some(()));
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The name of an error's variant.
fn class(error: &Error) -> String {
    format!("{error:?}").split([' ', '{']).next().unwrap().to_owned()
}

/// Does what needs each of the locks of a store, none of which may be stuck.
fn use_it(store: &Store) {
    let buffer = SharedBuffer::open(store, &name("idle buffer")).unwrap();
    buffer.write(SMALL).unwrap();
    assert!(buffer.read().unwrap() == SMALL);
    let pool = BufferPool::open(store, &name("idle pool")).unwrap();
    let slots = [pool.acquire().unwrap(), pool.acquire().unwrap()];
    slots[0].write(SMALL).unwrap();
    drop(slots);
    for name in ["used", "used"] {
        let options = BufferOptions::default().name(name).replace(true);
        SharedSceneBuffer::write(store, SMALL, &options)
            .unwrap()
            .unlink()
            .unwrap();
    }
}

/// What is in a store, by id, with the names that lead there. Slots are of pools, and not looked at by themselves.
type Contents = BTreeMap<Uuid, Option<String>>;
/// Without `brief`, which has expired and may be swept whenever something fails.
fn contents(store: &Store) -> Contents {
    let listing = store.list().unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    let buffers = listing.buffers.into_iter().map(|buffer| (buffer.id, buffer.name));
    let pools = listing.pools.into_iter().map(|pool| (pool.id, pool.name));
    let all = buffers.chain(pools);
    all.filter(|(_, name)| name.as_deref() != Some("brief")).collect()
}

/// A child that performs operations, and what the tests count of it.
struct Child {
    peer: Peer,
    /// The one that performs.
    thread: Pid,
    role: &'static str,
    parent: TempDir,
    cases: usize,
}

/// What came of an operation.
struct Outcome {
    trace: Trace,
    /// Its error: the class and the text.
    error: Option<(String, String)>,
}

impl Child {
    /// Starts one that performs, or one that is to be killed.
    fn start(role: &'static str) -> Self {
        let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
        let mut peer = Peer::start(role, parent.path().to_str().unwrap());
        let thread = Pid::from_raw(peer.hears().parse().unwrap());
        Self {
            peer,
            thread,
            role,
            parent,
            cases: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.parent.path().join(self.cases.to_string())
    }

    /// Lets an operation be performed with a fault, and looks at the store as another process sees it.
    fn perform(&mut self, index: usize, fault: Fault) -> Outcome {
        self.cases += 1;
        let (path, operation) = (self.path(), &OPERATIONS[index]);
        let case = format!("{}, {fault:?}", operation.name);
        self.peer.tell(&format!("{index} {}", path.display()));
        self.peer.expect("ready");
        let store = Store::open(&StoreOptions::at(&path).existing()).unwrap();
        let before = contents(&store);
        let (child, peer) = (Pid::from_raw(self.peer.pid()), &mut self.peer);
        let trace = follow(child, self.thread, fault, || peer.tell("go"));
        if trace.died.is_some() {
            let killed = matches!(fault, Fault::KillAfter(_));
            assert!(killed, "{case}: it ended with {:?}", trace.died);
            // Every other time what is replaced is deleted first.
            let deletes = matches!(fault, Fault::KillAfter(calls) if calls % 2 == 1);
            check_killed(&store, &before, operation.effect, deletes, &case);
            std::fs::remove_dir_all(&path).unwrap();
            *self = Self::start(self.role);
            return Outcome { trace, error: None };
        }
        let said = self.peer.hears();
        let error = said
            .split_once('\t')
            .map(|(class, text)| (class.to_owned(), text.to_owned()));
        check_effect(&store, &before, operation.effect, error.as_ref(), &case);
        self.peer.tell("looked");
        let left = self.peer.hears();
        // Nothing can be done about a mapping that the kernel does not unmap. Who is to be killed has made nothing before.
        let may_leave = trace.failed.contains(&tracer::number(libc::SYS_munmap)) || self.role == DIE;
        assert!(
            left == "0 0" || may_leave,
            "{case}: descriptors and mappings left: {left}"
        );
        check_witnesses(&store, operation.effect, &case);
        let may_be_mapped = trace.failed.contains(&tracer::number(libc::SYS_munmap));
        check_rubbish(&store, may_be_mapped, &case);
        std::fs::remove_dir_all(&path).unwrap();
        Outcome { trace, error }
    }
}

/// Shows that an operation which ended has changed what it should, and nothing if it failed.
fn check_effect(store: &Store, before: &Contents, effect: Effect, error: Option<&(String, String)>, case: &str) {
    let after = contents(store);
    let (named, is_made, is_gone) = match effect {
        _ if error.is_some() => ("", false, false),
        Effect::Nothing | Effect::Rewrites(_) => ("", false, false),
        Effect::Makes => ("", true, false),
        Effect::MakesNamed(named) => (named, true, before.values().flatten().any(|name| name == named)),
        Effect::Removes(named) => (named, false, true),
    };
    let mut expected = before.clone();
    expected.retain(|_, name| !is_gone || name.as_deref() != Some(named));
    let mut found = after.clone();
    let new: Vec<_> = found
        .iter()
        .filter(|(id, _)| !before.contains_key(id))
        .map(|(id, name)| (*id, name.clone()))
        .collect();
    assert_eq!(new.len(), usize::from(is_made), "{case}: {error:?}, {new:?}");
    for (id, name) in new {
        assert_eq!(name.as_deref().unwrap_or_default(), named, "{case}");
        found.remove(&id);
    }
    assert_eq!(found, expected, "{case}: {error:?}");
}

/// What a killed operation may have left: all of what it makes, or nothing, and no name that leads nowhere or nothing without a name,
/// also if what it replaces is deleted before anybody sweeps.
fn check_killed(store: &Store, before: &Contents, effect: Effect, deletes: bool, case: &str) {
    check_witnesses(store, effect, case);
    if let (Effect::MakesNamed(named), true) = (effect, deletes) {
        for id in before
            .iter()
            .filter(|(_, name)| name.as_deref() == Some(named))
            .map(|(id, _)| *id)
        {
            match store.delete(&common::by_id(id)) {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{case}: {error}"),
            }
        }
    }
    store.gc(false).unwrap();
    let after = contents(store);
    let (named, is_made) = match effect {
        Effect::Nothing | Effect::Rewrites(_) => ("", false),
        Effect::Makes => ("", true),
        Effect::MakesNamed(named) => (named, true),
        Effect::Removes(named) => (named, false),
    };
    for (id, name) in before {
        let name = name.as_deref().unwrap_or_default();
        assert!(
            after.contains_key(id) || name == named || name == "brief",
            "{case}: {name} is lost"
        );
    }
    let new: Vec<_> = after.iter().filter(|(id, _)| !before.contains_key(id)).collect();
    assert!(new.len() <= usize::from(is_made), "{case}: {new:?}");
    for (_, name) in new {
        assert_eq!(
            name.as_deref().unwrap_or_default(),
            named,
            "{case}: it is there without its name"
        );
    }
    if is_made && !deletes && before.values().flatten().any(|name| name == named) {
        let there = after.values().flatten().any(|name| name == named);
        assert!(there, "{case}: the name that is taken over leads nowhere");
    }
    check_rubbish(store, false, case);
    use_it(store);
}

/// All that is not about the operation is there, whole.
fn check_witnesses(store: &Store, effect: Effect, case: &str) {
    for witness in WITNESSES {
        let found = match witness {
            "idle pool" => BufferPool::open(store, &name(witness)).map(drop),
            "idle buffer" => SharedBuffer::open(store, &name(witness))
                .and_then(|buffer| buffer.read())
                .map(|found| {
                    assert!(found == SMALL, "{case}");
                }),
            _ => SharedSceneBuffer::open(store, &name(witness))
                .and_then(|scene| scene.read())
                .map(|found| {
                    assert!(witness == "compressed" || found == SMALL, "{case}");
                }),
        };
        assert!(found.is_ok(), "{case}: {witness}: {found:?}, {effect:?}");
    }
    for named in ["scene", "buffer"] {
        let found = store.reader(&name(named)).map(drop);
        let is_right = match (effect, &found) {
            (Effect::Removes(gone), _) if gone == named => true,
            (Effect::Rewrites(rewritten), Err(Error::Interrupted { .. })) => rewritten == named,
            _ => found.is_ok(),
        };
        assert!(is_right, "{case}: {named}: {found:?}");
    }
}

/// After a sweep the directory has nothing but files of what is there, their names, and the store's own.
fn check_rubbish(store: &Store, may_be_mapped: bool, case: &str) {
    let report = store.gc(false).unwrap();
    let mut expected: BTreeSet<String> = BTreeSet::from([".lock", ".quota", ".store"].map(str::to_owned));
    let listing = store.list().unwrap();
    let slots = listing
        .pools
        .iter()
        .flat_map(|pool| pool.slots.iter().map(|slot| slot.id));
    let buffers = listing.buffers.iter().map(|buffer| (buffer.id, &buffer.name));
    let all: Vec<_> = buffers
        .chain(listing.pools.iter().map(|pool| (pool.id, &pool.name)))
        .collect();
    for id in all.iter().map(|(id, _)| *id).chain(slots) {
        expected.insert(format!("{id}.shm"));
        expected.insert(format!("{id}.ttl"));
    }
    let links = all.iter().filter(|(_, name)| name.is_some()).count();
    // What the kernel did not unmap counts as long as that process lives.
    let is_open = |reason: &KeptReason| matches!(reason, KeptReason::StillMapped | KeptReason::StillOpen);
    for kept in report.kept.iter().filter(|kept| may_be_mapped && is_open(&kept.reason)) {
        expected.insert(format!("{}.shm.deleted", kept.id));
    }
    let mut found_links = 0;
    for entry in std::fs::read_dir(store.path()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if Path::new(&file)
            .extension()
            .is_some_and(|extension| extension == "name")
        {
            found_links += 1;
        } else {
            assert!(expected.contains(&file), "{case}: {file} is left, {report:?}");
        }
    }
    assert_eq!(found_links, links, "{case}: names that lead nowhere");
}

/// What an error must be called, by its cause; all others are failures of the system.
fn expected_class(errno: Errno) -> &'static [&'static str] {
    match errno {
        Errno::ENOSPC | Errno::EDQUOT => &["StoreFull"],
        Errno::ENOMEM => &["OutOfMemory"],
        Errno::EMFILE | Errno::ENFILE => &["TooManyOpenFiles"],
        // It is tried again.
        Errno::EINTR => &[],
        _ => &["Io"],
    }
}

fn check_class(outcome: &Outcome, errno: Errno, case: &str) {
    let Some((class, text)) = &outcome.error else { return };
    let failed = &outcome.trace.failed;
    // The number of descriptors, and of what may be watched, have the same error.
    let watches = class == "TooManyWatches" && matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOSPC);
    // What is not unmapped can be written to, and that it says.
    let mapped = class == "StillWritable" && failed.contains(&tracer::number(libc::SYS_munmap));
    // Some systems have no leases, and say so by these.
    let lease = class == "NoLeases" && matches!(errno, Errno::ENOSYS | Errno::EPERM);
    // What has no class of its own says what was done and with which file.
    assert!(
        class != "Io" || (text.starts_with("could not ") && text.contains('/')),
        "{case}: {text}"
    );
    assert!(
        watches || mapped || lease || expected_class(errno).contains(&class.as_str()),
        "{case} of {failed:?}: {class}: {text}"
    );
}

/// Performs cases, all of them or a sample, and says at the end what went wrong in any.
struct Campaign {
    every: usize,
    seen: usize,
    child: Child,
    failures: Vec<String>,
    injected: usize,
}

impl Campaign {
    /// Takes every so many of the cases, unless the environment says otherwise.
    fn taking(every: u64, role: &'static str) -> Self {
        Self {
            every: usize::try_from(number("DCC_MCP_SHM_TEST_FAULTS", every)).unwrap(),
            ..Self::of_every_case(role)
        }
    }

    fn of_every_case(role: &'static str) -> Self {
        Self {
            every: 1,
            seen: 0,
            child: Child::start(role),
            failures: Vec::new(),
            injected: 0,
        }
    }

    /// The calls that an operation makes when nothing fails.
    fn calls(&mut self, index: usize) -> Vec<u64> {
        self.child.perform(index, Fault::None).trace.calls
    }

    /// Performs a case, if it is in the sample.
    fn case(&mut self, index: usize, fault: Fault, errno: Option<Errno>) {
        self.seen += 1;
        if !(self.seen - 1).is_multiple_of(self.every) {
            return;
        }
        let child = &mut self.child;
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let outcome = child.perform(index, fault);
            if let Some(errno) = errno {
                check_class(&outcome, errno, &format!("{}, {fault:?}", OPERATIONS[index].name));
            }
            outcome.trace.failed.len() + usize::from(outcome.trace.died.is_some())
        }));
        match done {
            Ok(injected) => self.injected += injected,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                self.failures.push(text);
                self.child = Child::start(self.child.role);
            }
        }
    }

    fn end(self, what: &str) {
        print(&format!("{} {what}, {} operations", self.injected, OPERATIONS.len()));
        assert!(
            self.failures.is_empty(),
            "{} cases went wrong:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
        assert!(self.injected > 0, "nothing was injected");
    }
}

#[test]
fn an_error_in_any_call_has_its_class_and_costs_nothing() {
    let mut campaign = Campaign::taking(53, PERFORM);
    for index in 0..OPERATIONS.len() {
        for call in 0..campaign.calls(index).len() {
            for errno in ERRORS {
                campaign.case(index, Fault::ErrorAt(call, errno), Some(errno));
            }
        }
    }
    campaign.end("errors in single calls");
}

#[test]
fn errors_that_last_have_their_class_and_cost_nothing() {
    let mut campaign = Campaign::taking(23, PERFORM);
    for index in 0..OPERATIONS.len() {
        let kinds: BTreeSet<u64> = campaign.calls(index).into_iter().collect();
        for kind in kinds {
            // A call that says each time that it is to be tried again would be made for ever.
            for errno in ERRORS.into_iter().filter(|errno| *errno != Errno::EINTR) {
                campaign.case(index, Fault::EveryError(kind, errno), Some(errno));
            }
        }
    }
    campaign.end("lasting errors");
}

#[test]
fn a_kill_after_any_call_loses_nothing_and_leaves_nothing() {
    let mut campaign = Campaign::taking(13, DIE);
    for index in 0..OPERATIONS.len() {
        for call in 0..=campaign.calls(index).len() {
            campaign.case(index, Fault::KillAfter(call), None);
        }
    }
    campaign.end("kills");
}

/// The operations that have once lost data, or left a name or a file, when a call failed: each of their calls, with one of three
/// errors.
#[test]
fn what_collects_names_and_makes_is_tried_with_every_call() {
    const ALL: [&str; 6] = [
        "delete a scene that is held",
        "collect",
        "be refused a name",
        "make a named buffer",
        "replace a buffer",
        "open or make a pool",
    ];
    let mut campaign = Campaign::of_every_case(PERFORM);
    for index in (0..OPERATIONS.len()).filter(|index| ALL.contains(&OPERATIONS[*index].name)) {
        let calls = campaign.calls(index);
        let errors = [Errno::EIO, Errno::ENOMEM, Errno::EINTR].into_iter().cycle();
        for (call, errno) in (0..calls.len()).zip(errors) {
            campaign.case(index, Fault::ErrorAt(call, errno), Some(errno));
        }
        for kind in BTreeSet::from_iter(calls) {
            campaign.case(index, Fault::EveryError(kind, Errno::EIO), Some(Errno::EIO));
        }
    }
    campaign.end("errors where data was lost once");
}

/// Persistent pools and scenes that stay until they are deleted go by their names: without one they would stay for ever.
#[test]
fn no_kill_leaves_something_without_its_name() {
    const ALL: [&str; 4] = [
        "make a named pool",
        "make an empty scene",
        "replace a scene",
        "replace a pool",
    ];
    let mut campaign = Campaign::of_every_case(DIE);
    for index in (0..OPERATIONS.len()).filter(|index| ALL.contains(&OPERATIONS[*index].name)) {
        for call in 0..=campaign.calls(index).len() {
            campaign.case(index, Fault::KillAfter(call), None);
        }
    }
    campaign.end("kills of what makes something with a name");
}

/// What is deleted is gone for everybody, or there with its name; and of its memory nothing is left when nobody has it.
#[test]
fn no_kill_of_a_deletion_leaves_half_of_it() {
    const ALL: [&str; 7] = [
        "delete a scene",
        "delete a pool",
        "delete a scene that is held",
        "delete a buffer that is held",
        "replace a scene that is held",
        "delete a buffer by a handle and let go of it",
        "delete a pool by a handle and let go of it",
    ];
    let mut campaign = Campaign::of_every_case(DIE);
    for index in (0..OPERATIONS.len()).filter(|index| ALL.contains(&OPERATIONS[*index].name)) {
        for call in 0..=campaign.calls(index).len() {
            campaign.case(index, Fault::KillAfter(call), None);
        }
    }
    campaign.end("kills of deletions");
}

/// Takes a step in the child, of which a call fails, and gives what it says and whether a call failed.
fn step_with(child: &mut Child, step: Step, fault: Fault) -> (Result<Option<Uuid>, String>, bool) {
    let pid = Pid::from_raw(child.peer.pid());
    let trace = follow(pid, child.thread, fault, || child.peer.tell(&step.to_string()));
    if trace.died.is_some() {
        *child = Child::start(STEP);
        panic!("{step:?}, {fault:?}: {:?}", trace.died);
    }
    let said = child.peer.hears();
    let outcome = match said.strip_prefix("ok ") {
        Some(id) => Ok(Some(id.parse().unwrap()).filter(|id: &Uuid| !id.is_nil())),
        None => Err(said),
    };
    (outcome, !trace.failed.is_empty())
}

#[test]
fn the_store_does_what_the_model_does_though_calls_fail() {
    let child = RefCell::new(Child::start(STEP));
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..properties::config(60)
    });
    let result = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        let child = &mut *child.borrow_mut();
        child.cases += 1;
        child.peer.tell(&format!("new {}", child.cases));
        child.peer.expect("opened");
        let store = Store::open(&StoreOptions::at(child.path()).existing()).unwrap();
        let mut model = Model::default();
        for (step, call, errno) in steps {
            let (outcome, has_failed) = step_with(child, step, Fault::ErrorAt(call, errno));
            let class = outcome.as_ref().map_err(|said| said.split('\t').next().unwrap());
            model.apply(step, class.copied(), has_failed);
            model.check(&store, step);
        }
        model.check_swept(&store);
        Ok(())
    });
    result.unwrap();
}
