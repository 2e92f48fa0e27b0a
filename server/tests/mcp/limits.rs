//! Limits of the system that the server meets while it works: a call fails, and the next one is answered.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, geteuid};
use serde_json::{Value, json};

use crate::client::{Client, ERAS, Era, serve};
use crate::scenes::store;

/// Who is nobody: root is not bound by a limit of processes.
const NOBODY: u32 = 65534;

#[test]
fn a_file_beyond_the_size_limit_is_an_error_of_its_call() {
    let (_parent, store) = store();
    let mut client = Client::start(store.path(), Era::Session);
    client.call("list_buffers", json!({}));
    let limit = Rlimit {
        current: Some(1 << 20),
        maximum: Some(1 << 20),
    };
    client.limit(Resource::Fsize, limit);
    let array = json!({"a": {"dtype": "|u1", "shape": [4 << 20]}});
    for (tool, arguments) in [
        ("create_buffer", json!({"capacity": 4 << 20})),
        ("create_buffer", json!({"arrays": array})),
        ("create_buffer", json!({"text": "x".repeat(1 << 20)})),
        ("create_pool", json!({"slots": 1, "buffer_size": 4 << 20})),
    ] {
        let error = client.error(tool, arguments);
        assert!(error.contains("ulimit -f"), "{tool}: {error}");
        let (page, _) = client.call("list_buffers", json!({}));
        assert_eq!(page["total_count"], 0, "{tool}: {page}");
    }
    client.call("create_buffer", json!({"text": "small"}));
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn with_few_descriptors_the_server_serves_or_says_why_it_ends() {
    let (_parent, store) = store();
    let server = serve(store.path());
    let mut sessions = 0;
    for most in 3..=24 {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={most}:{most}")).arg(server.get_program());
        command.args(server.get_args()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("prlimit runs");
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        // A server that cannot start has ended before it reads.
        let _ = writeln!(child.stdin.take().expect("a pipe"), "{ping}");
        let output = child.wait_with_output().expect("its end");
        let (answer, said) = (text(&output.stdout), text(&output.stderr));
        if output.status.code() == Some(0) {
            assert!(answer.contains("\"result\""), "{most}: {answer}");
            sessions += 1;
            continue;
        }
        // With so few, the system cannot load the program.
        assert!(
            output.status.code() == Some(1) || most < 5,
            "{most}: {} {said}",
            output.status
        );
        assert!(
            !said.contains("panicked") && said.lines().count() == 1,
            "{most}: {said}"
        );
        assert_eq!(answer, "", "{most}");
    }
    assert!((8..22).contains(&sessions), "{sessions} sessions");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `server` in `parent` as a user who is bound by a limit of processes, started by `launcher`.
fn bound(parent: &Path, launcher: &[&str]) -> Command {
    let server = serve(&parent.join("store"));
    let program = parent.join("server");
    fs::copy(server.get_program(), &program).expect("a copy that anybody can run");
    fs::set_permissions(parent, Permissions::from_mode(0o755)).expect("its owner");
    let started = launcher.iter().map(AsRef::as_ref).chain([program.as_os_str()]);
    let mut words = started.chain(server.get_args());
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).env_clear().stderr(Stdio::null());
    if geteuid().is_root() {
        chown(parent, Some(NOBODY), Some(NOBODY)).expect("root");
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Limits how many processes and threads the server's user may have, as that user: root may not be allowed to.
fn limit_processes(client: &Client, most: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &client.pid().to_string(), &format!("--nproc={most}:")]);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    assert!(command.status().expect("prlimit runs").success());
}

/// Every way to ask that needs a thread.
fn asked_in_vain(client: &mut Client) {
    for (tool, arguments) in [
        ("list_buffers", json!({})),
        ("store_status", json!({})),
        ("read_descriptor", json!({"buffer": "cube"})),
        ("describe_buffer", json!({"buffer": "cube"})),
        ("create_buffer", json!({"text": "a"})),
        ("wait_for_buffer", json!({"timeout_seconds": 1})),
    ] {
        let error = client.error(tool, arguments);
        assert!(
            error.contains("no thread") && error.contains("ulimit -u"),
            "{tool}: {error}"
        );
    }
    for (method, params) in [
        ("resources/list", json!({})),
        ("resources/read", json!({"uri": "shm://store"})),
    ] {
        let answer = client.request(method, params);
        let message = answer["error"]["message"].as_str().expect("an error");
        assert!(message.contains("no thread"), "{message}");
    }
}

#[test]
fn a_server_that_is_given_no_thread_says_so_and_works_once_it_is() {
    for era in ERAS {
        let parent = tempfile::tempdir().expect("a directory");
        let mut client = Client::over_pipes(bound(parent.path(), &["prlimit", "--nproc=1:"]), era);
        client.greet();
        asked_in_vain(&mut client);
        limit_processes(&client, "1000");
        client.call("list_buffers", json!({}));
        client.call("create_buffer", json!({"text": "a", "name": "made"}));
        assert_eq!(client.end().code(), Some(0));
    }
}

#[test]
fn threads_that_cannot_be_started_later_leave_their_work_to_those_there_are() {
    let parent = tempfile::tempdir().expect("a directory");
    let mut client = Client::over_pipes(bound(parent.path(), &[]), Era::Session);
    client.greet();
    client.call("list_buffers", json!({}));
    limit_processes(&client, "1");
    // The thread that has done the first call does the next.
    for _ in 0..3 {
        client.call("list_buffers", json!({}));
    }
    let error = client.error("create_buffer", json!({"text": "a"}));
    assert!(error.contains("no thread"), "{error}");
    assert_eq!(client.end().code(), Some(0));
}

#[test]
fn no_thread_is_needed_to_read_a_file_or_to_write_one() {
    let parent = tempfile::tempdir().expect("a directory");
    let (input, answers) = (parent.path().join("input"), parent.path().join("answers"));
    let ping = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string() + "\n";
    fs::write(&input, (0..1000).map(ping).collect::<String>()).expect("a file");
    let mut command = bound(parent.path(), &["prlimit", "--nproc=1"]);
    command.stdin(File::open(&input).expect("the file"));
    let status = command.stdout(File::create(&answers).expect("a file")).status();
    assert_eq!(status.expect("the server runs").code(), Some(0));
    let answers = fs::read_to_string(&answers).expect("text");
    let ids = answers
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].as_u64());
    assert_eq!(ids.collect::<Vec<_>>(), (0..1000).map(Some).collect::<Vec<_>>());
}
