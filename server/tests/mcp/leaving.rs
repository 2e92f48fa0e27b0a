//! A client that reads no more and keeps its other end open: the server ends at once, whatever its stdout is.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;

use crate::client::serve;

/// What the server reads, kept open; what its answers come through; and how the client stops reading.
struct Ends {
    server: Child,
    requests: Box<dyn std::io::Write>,
    answers: BufReader<File>,
    leave: Box<dyn FnOnce()>,
}

fn start(store: &Path, stdin: OwnedFd, stdout: OwnedFd) -> Child {
    let mut command = serve(store);
    command.stdin(stdin).stdout(stdout).stderr(Stdio::null());
    command.spawn().expect("the server starts")
}

fn over_pipes(store: &Path) -> Ends {
    let (stdin, requests) = std::io::pipe().expect("a pipe");
    let (answers, stdout) = std::io::pipe().expect("a pipe");
    Ends {
        server: start(store, stdin.into(), stdout.into()),
        requests: Box::new(requests),
        answers: BufReader::new(File::from(OwnedFd::from(answers))),
        leave: Box::new(|| ()),
    }
}

/// As Node starts its children.
fn over_two_sockets(store: &Path) -> Ends {
    let (requests, stdin) = UnixStream::pair().expect("a pair");
    let (answers, stdout) = UnixStream::pair().expect("a pair");
    Ends {
        server: start(store, stdin.into(), stdout.into()),
        requests: Box::new(requests),
        answers: BufReader::new(File::from(OwnedFd::from(answers))),
        leave: Box::new(|| ()),
    }
}

/// One socket for both directions, of which the client shuts one.
fn over_one_socket(store: &Path) -> Ends {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let clone = |socket: &UnixStream| socket.try_clone().expect("another descriptor");
    let shut = clone(&ours);
    Ends {
        server: start(store, clone(&theirs).into(), theirs.into()),
        answers: BufReader::new(File::from(OwnedFd::from(clone(&ours)))),
        requests: Box::new(ours),
        leave: Box::new(move || shut.shutdown(Shutdown::Read).expect("an open socket")),
    }
}

/// Answers to a terminal, whose window is closed.
fn over_a_terminal(store: &Path) -> Ends {
    let (stdin, requests) = std::io::pipe().expect("a pipe");
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&user).expect("access");
    unlockpt(&user).expect("access");
    let name = ptsname(&user, Vec::new()).expect("a name");
    let stdout = File::options().write(true).open(name.to_str().expect("UTF-8"));
    Ends {
        server: start(store, stdin.into(), stdout.expect("the terminal").into()),
        requests: Box::new(requests),
        answers: BufReader::new(user.into()),
        leave: Box::new(|| ()),
    }
}

/// Where a session is when the client stops reading.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Silent,
    Begun,
    InACall,
}

fn greet(ends: &mut Ends) {
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    });
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
    let begun = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    write!(ends.requests, "{hello}\n{begun}\n").expect("the server reads");
    let mut line = String::new();
    ends.answers.read_line(&mut line).expect("an answer");
    assert!(line.contains("\"result\""), "{line}");
}

#[test]
fn a_server_that_nobody_reads_ends() {
    for (kind, spawn) in [
        ("pipes", over_pipes as fn(&Path) -> Ends),
        ("two sockets", over_two_sockets),
        ("one socket", over_one_socket),
        ("a terminal", over_a_terminal),
    ] {
        for stage in [Stage::Silent, Stage::Begun, Stage::InACall] {
            let parent = tempfile::tempdir().expect("a directory");
            let mut ends = spawn(&parent.path().join("store"));
            if stage != Stage::Silent {
                greet(&mut ends);
            }
            if stage == Stage::InACall {
                let params = json!({"name": "wait_for_buffer", "arguments": {"timeout_seconds": 50}});
                let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
                writeln!(ends.requests, "{call}").expect("the server reads");
            }
            let Ends {
                mut server,
                requests,
                answers,
                leave,
            } = ends;
            leave();
            drop(answers);
            let left = Instant::now();
            let status = loop {
                if let Some(status) = server.try_wait().expect("its status") {
                    break status;
                }
                // Long before the call in it would have come to its end.
                assert!(
                    left.elapsed() < Duration::from_secs(20),
                    "{kind}, {stage:?}: it goes on"
                );
                thread::sleep(Duration::from_millis(1));
            };
            assert_eq!(status.code(), Some(0), "{kind}, {stage:?}");
            drop(requests);
        }
    }
}

#[test]
fn a_terminal_that_closes_does_not_kill_the_server_of_a_session() {
    let parent = tempfile::tempdir().expect("a directory");
    let server = serve(&parent.path().join("store"));
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&user).expect("access");
    unlockpt(&user).expect("access");
    let name = ptsname(&user, Vec::new()).expect("a name");
    let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
    let terminal = terminal.expect("the terminal");
    let mut attributes = tcgetattr(&terminal).expect("its attributes");
    attributes.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &attributes).expect("raw");
    // A session of its own, without a controlling terminal.
    let mut command = Command::new("setsid");
    command.arg(server.get_program()).args(server.get_args());
    command.stdin(terminal.try_clone().expect("another descriptor"));
    command.stdout(terminal).stderr(Stdio::null());
    let server = command.spawn().expect("setsid runs");
    drop(command);
    let user = File::from(user);
    let mut ends = Ends {
        server,
        requests: Box::new(user.try_clone().expect("another descriptor")),
        answers: BufReader::new(user),
        leave: Box::new(|| ()),
    };
    greet(&mut ends);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", ends.server.id())).expect("it runs");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    assert_eq!(
        after_name.split_whitespace().nth(4),
        Some("0"),
        "a terminal controls it: {stat}"
    );
    let Ends {
        mut server,
        requests,
        answers,
        ..
    } = ends;
    drop((requests, answers));
    assert_eq!(server.wait().expect("its end").code(), Some(0));
}

#[test]
fn answers_that_cannot_be_written_end_the_server_with_a_reason() {
    let parent = tempfile::tempdir().expect("a directory");
    let (stdin, mut requests) = std::io::pipe().expect("a pipe");
    let full = File::options().write(true).open("/dev/full").expect("a device");
    let mut command = serve(&parent.path().join("store"));
    command.stdin(stdin).stdout(full).stderr(Stdio::piped());
    let server = command.spawn().expect("the server starts");
    writeln!(requests, "{}", json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).expect("the server reads");
    let output = server.wait_with_output().expect("the server ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: the answers cannot be written: No space left"),
        "{said}"
    );
    drop(requests);
}
