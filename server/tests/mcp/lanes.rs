//! Slow calls, and calls that wait for a lock, do not keep quick ones waiting.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use dcc_mcp_shm::Store;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::bounded::overlapping;
use crate::client::{Client, Era, serve};
use crate::long::zeros;
use crate::scenes::{cube, store};

/// For the process that holds a lock: which one.
const LOCK: &str = "DCC_MCP_SHM_TEST_LOCK";

/// A process that has a store's lock and is stopped; killed with this.
struct Stopped(Child);

impl Stopped {
    fn holding_lock_of(store: &Store) -> Self {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "lanes::lock_holder", "--ignored", "--nocapture"])
            .env(LOCK, store.path().join(".lock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("a process");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        assert!(said.lines().any(|line| line.expect("text").contains("@@locked")));
        kill_process(Pid::from_child(&child), Signal::STOP).expect("it runs");
        Self(child)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "run by other tests as their child process"]
fn lock_holder() {
    let path = std::env::var(LOCK).expect("run by another test");
    let lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(Path::new(&path));
    let lock = lock.expect("a lock");
    flock(&lock, FlockOperation::LockExclusive).expect("locked");
    writeln!(std::io::stdout(), "\n@@locked").expect("heard");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("text");
}

fn call(client: &mut Client, tool: &str, arguments: &Value) -> u64 {
    client.begin("tools/call", json!({"name": tool, "arguments": arguments}))
}

/// The next answer to one of these requests; others may come before it.
fn answer_to(client: &mut Client, id: u64, others: &mut Vec<Value>) -> Value {
    if let Some(at) = others.iter().position(|answer| answer["id"] == id) {
        return others.remove(at);
    }
    loop {
        let answer = client.answer();
        if answer["id"] == id {
            return answer;
        }
        others.push(answer);
    }
}

/// Every call that only looks.
fn quick_calls() -> Vec<(&'static str, Value)> {
    let tool = |name: &str, arguments: Value| ("tools/call", json!({"name": name, "arguments": arguments}));
    vec![
        tool("list_buffers", json!({})),
        tool("read_descriptor", json!({"buffer": "cube"})),
        tool("store_status", json!({})),
        tool("pool_status", json!({})),
        tool("wait_for_buffer", json!({"buffer": "cube"})),
        ("resources/list", json!({})),
        ("resources/read", json!({"uri": "shm://buffers/cube"})),
        ("resources/read", json!({"uri": "shm://store"})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "shm://buffers/{id}"}, "argument": {"name": "id", "value": "c"}}),
        ),
        ("prompts/get", json!({"name": "explain_store"})),
        ("ping", json!({})),
    ]
}

fn assert_quick(client: &mut Client, calls: &[(&str, Value)], others: &mut Vec<Value>) {
    for (method, params) in calls {
        let id = client.begin(method, params.clone());
        let answer = answer_to(client, id, others);
        assert!(
            answer["error"].is_null() && answer["result"]["isError"] != true,
            "{answer}"
        );
    }
}

#[test]
fn calls_that_wait_for_the_lock_of_a_stopped_process_keep_no_other_waiting() {
    let (_parent, store) = store();
    let scene = cube(&store, false);
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let stopped = Stopped::holding_lock_of(&store);
    let creates: Vec<_> = (0..12)
        .map(|index| {
            call(
                &mut client,
                "create_buffer",
                &json!({"text": "a", "name": format!("b{index}")}),
            )
        })
        .collect();
    let mut calls = quick_calls();
    // What has no name needs no lock.
    calls.push((
        "tools/call",
        json!({"name": "create_buffer", "arguments": {"text": "a", "ttl_seconds": 60}}),
    ));
    for tool in ["describe_buffer", "read_buffer", "view_image"] {
        calls.push(("tools/call", json!({"name": tool, "arguments": {"buffer": scene.id()}})));
    }
    let mut others = Vec::new();
    assert_quick(&mut client, &calls, &mut others);
    // Four at a time wait for 5 s: on a busy machine some may be refused by now, but not all.
    let is_refused = |id: u64| move |message: &Value| message["id"] == id;
    let waiting: Vec<u64> = creates
        .into_iter()
        .filter(|&id| !others.iter().any(is_refused(id)))
        .collect();
    assert!(!waiting.is_empty(), "they were answered one after another: {others:?}");
    drop(stopped);
    for id in waiting {
        let answer = answer_to(&mut client, id, &mut others);
        assert!(answer["result"]["content"].is_array(), "{answer}");
    }
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn looks_that_take_long_keep_no_quick_call_waiting() {
    let (_parent, store) = store();
    cube(&store, false);
    let scene = zeros(&store);
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let looks: Vec<_> = (0..24)
        .map(|_| call(&mut client, "describe_buffer", &json!({"buffer": scene.id()})))
        .collect();
    let mut others = Vec::new();
    assert_quick(&mut client, &quick_calls(), &mut others);
    assert!(others.len() < looks.len(), "they were answered one after another");
    // The others are no longer wanted: those that wait leave at once, and the next look has its turn.
    for id in looks {
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }
    let look = json!({"name": "describe_buffer", "arguments": {"buffer": "cube"}});
    assert_quick(&mut client, &[("tools/call", look)], &mut others);
    assert!(others.len() < 24, "{others:?}");
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn pictures_keep_no_look_at_data_waiting() {
    let (_parent, store) = store();
    cube(&store, false);
    let scene = overlapping(&store);
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let pictures: Vec<_> = (0..12)
        .map(|_| call(&mut client, "view_image", &json!({"buffer": scene.id()})))
        .collect();
    let looks = ["describe_buffer", "read_buffer"]
        .map(|tool| ("tools/call", json!({"name": tool, "arguments": {"buffer": "cube"}})));
    let mut others = Vec::new();
    assert_quick(&mut client, &looks, &mut others);
    assert!(others.len() < 3, "pictures came first: {}", others.len());
    for id in pictures {
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }
    assert_eq!(client.end_unread(None).code(), Some(0));
}

#[test]
fn creations_that_are_cancelled_before_they_begin_make_nothing() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let stopped = Stopped::holding_lock_of(&store);
    for index in 0..12 {
        let id = call(
            &mut client,
            "create_buffer",
            &json!({"text": "a", "name": format!("b{index}")}),
        );
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }
    client.request("ping", json!({}));
    drop(stopped);
    let (made, _) = client.call("create_buffer", json!({"text": "a", "name": "last"}));
    assert_eq!(made["descriptor"]["name"], "last");
    assert_eq!(client.end().code(), Some(0));
    let buffers = store.list().expect("a listing").buffers;
    let names: Vec<_> = buffers.iter().filter_map(|buffer| buffer.name.as_deref()).collect();
    assert_eq!(names, ["last"]);
}

#[test]
fn a_quota_that_cannot_be_recorded_yet_keeps_no_look_waiting() {
    let (_parent, store) = store();
    cube(&store, false);
    let stopped = Stopped::holding_lock_of(&store);
    let mut command = serve(store.path());
    command.args(["--max-bytes", "1048576"]);
    let mut client = Client::over_pipes(command, Era::Session);
    client.greet();
    assert_quick(&mut client, &quick_calls(), &mut Vec::new());
    drop(stopped);
    let error = client.error("create_buffer", json!({"capacity": 2 << 20}));
    assert!(error.contains("quota"), "{error}");
    assert_eq!(store.quota().expect("a number"), Some(1 << 20));
    assert_eq!(client.end().code(), Some(0));
}
