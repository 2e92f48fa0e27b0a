//! What begins and ends a server, over pipes and over a socket, for clients of both eras.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::client::{Client, ERAS, Era, command, serve};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

type Spawn = fn(&std::path::Path, Era) -> Client;

/// Every transport with every era, each with a store of its own.
fn everywhere(test: impl Fn(Client)) {
    for spawn in [Client::spawn as Spawn, Client::spawn_on_socket] {
        for era in ERAS {
            let parent = tempfile::tempdir().expect("a directory");
            test(spawn(&parent.path().join("store"), era));
        }
    }
}

#[test]
fn the_server_introduces_itself_and_ends_with_its_input() {
    everywhere(|mut client| {
        let answer = client.greet();
        assert!(answer["result"]["capabilities"]["tools"].is_object(), "{answer}");
        let instructions = answer["result"]["instructions"].as_str().expect("instructions");
        assert!(instructions.contains("list_buffers"), "{instructions}");
        assert_eq!(client.end().code(), Some(0));
    });
}

#[test]
fn a_client_may_leave_before_it_says_anything() {
    everywhere(|client| assert_eq!(client.end().code(), Some(0)));
}

#[test]
fn signals_end_the_server_cleanly() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        everywhere(|mut client| {
            client.greet();
            client.call("list_buffers", json!({}));
            assert_eq!(client.end_by(signal).code(), Some(0));
        });
    }
}

#[test]
fn a_signal_ends_a_server_whose_input_never_pauses() {
    let parent = tempfile::tempdir().expect("a directory");
    let mut command = serve(&parent.path().join("store"));
    command
        .stdin(File::open("/dev/zero").expect("zeros"))
        .stdout(Stdio::null());
    let mut server = command.spawn().expect("the server starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    let read = || -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", server.id())).expect("what it has read");
        let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.expect("a count").parse().expect("a number")
    };
    // More than the longest line: it listens to signals, and is busy.
    while read() < 64 << 20 {
        assert!(Instant::now() < deadline, "it reads");
    }
    kill_process(Pid::from_child(&server), Signal::TERM).expect("the server runs");
    while server.try_wait().expect("its status").is_none() {
        if Instant::now() > deadline {
            server.kill().expect("it runs");
        }
    }
    assert_eq!(
        server.wait().expect("its status").code(),
        Some(0),
        "it hears the signal"
    );
}

#[test]
fn nobody_has_to_read_what_is_logged() {
    let parent = tempfile::tempdir().expect("a directory");
    for era in ERAS {
        let mut command = serve(&parent.path().join("store"));
        command.stderr(Stdio::piped());
        let mut client = Client::over_pipes(command, era);
        drop(client.stderr());
        client.greet();
        // Errors of the protocol are logged before they are answered.
        let answer = client.request("resources/read", json!({"uri": "shm://nope"}));
        assert!(answer["error"]["code"].is_number(), "{answer}");
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn an_unknown_tool_is_an_error_of_the_protocol() {
    everywhere(|mut client| {
        client.greet();
        let answer = client.request("tools/call", json!({"name": "format_disk", "arguments": {}}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(client.end().code(), Some(0));
    });
}

#[test]
fn a_store_is_made_by_the_first_call_that_needs_it() {
    let parent = tempfile::tempdir().expect("a directory");
    let store = parent.path().join("store");
    let mut client = Client::start(&store, Era::Session);
    client.request("tools/list", json!({}));
    assert!(!store.exists());
    client.call("list_buffers", json!({}));
    assert!(store.is_dir());
}

#[test]
fn the_environment_names_the_store_unless_the_option_does() {
    let parent = tempfile::tempdir().expect("a directory");
    let [named, other] = ["named", "other"].map(|name| parent.path().join(name));
    let call = |id: u64, method: &str, params: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
    };
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let input = parent.path().join("input");
    let line = call(
        1,
        "tools/call",
        json!({"name": "list_buffers", "arguments": {}, "_meta": meta}),
    );
    std::fs::write(&input, line + "\n").expect("a file");
    let run = |arguments: &[&str]| {
        let input = std::fs::File::open(&input).expect("the file");
        let output = command(arguments).env("DCC_MCP_SHM_DIR", &named).stdin(input).output();
        let output = output.expect("the server runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let other_text = other.to_str().expect("UTF-8");
    assert!(run(&["serve", "--store", other_text]).contains("total_count"));
    assert!(other.is_dir() && !named.exists());
    assert!(run(&["serve"]).contains("total_count"));
    assert!(named.is_dir());
}
