//! A client that speaks raw JSON-RPC to the built server, over pipes or a socket.

use std::borrow::Borrow;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

/// The two ways that clients speak.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Era {
    /// `initialize` first: 2025-11-25.
    Session,
    /// Every request for itself: 2026-07-28.
    Stateless,
}

pub(crate) const ERAS: [Era; 2] = [Era::Session, Era::Stateless];

pub(crate) struct Client {
    era: Era,
    child: Child,
    requests: Option<Box<dyn Write>>,
    /// Kept to say that nothing more comes, where dropping `requests` does not.
    socket: Option<UnixStream>,
    answers: BufReader<Box<dyn Read>>,
    next_id: u64,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcc-mcp-shm"));
    command.args(arguments);
    for variable in ["DCC_MCP_SHM_DIR", "DCC_MCP_SHM_MAX_BYTES", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

pub(crate) fn serve(store: &Path) -> Command {
    let mut command = command(&["serve", "--store"]);
    command.arg(store).stderr(Stdio::null());
    command
}

impl Client {
    /// A server that nothing has been said to.
    pub(crate) fn spawn(store: &Path, era: Era) -> Self {
        Self::over_pipes(serve(store), era)
    }

    /// The same by a command of the caller's.
    pub(crate) fn over_pipes(mut command: Command, era: Era) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let requests = child.stdin.take().expect("a pipe");
        let answers = child.stdout.take().expect("a pipe");
        Self {
            era,
            child,
            requests: Some(Box::new(requests)),
            socket: None,
            answers: BufReader::new(Box::new(answers)),
            next_id: 0,
        }
    }

    /// The same over one socket for both directions, as Node starts its children.
    pub(crate) fn spawn_on_socket(store: &Path, era: Era) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let stdout = OwnedFd::from(theirs.try_clone().expect("a second descriptor"));
        let child = serve(store)
            .stdin(OwnedFd::from(theirs))
            .stdout(stdout)
            .spawn()
            .expect("the server starts");
        let clone = || ours.try_clone().expect("another descriptor");
        Self {
            era,
            child,
            requests: Some(Box::new(clone())),
            answers: BufReader::new(Box::new(clone())),
            socket: Some(ours),
            next_id: 0,
        }
    }

    /// A server that is ready for requests of this era.
    pub(crate) fn start(store: &Path, era: Era) -> Self {
        let mut client = Self::spawn(store, era);
        client.greet();
        client
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Limits what the server may use from now on.
    pub(crate) fn limit(&self, resource: Resource, limit: Rlimit) {
        prlimit(Some(Pid::from_child(&self.child)), resource, limit).expect("the server runs");
    }

    /// What the server logs, if its command has a pipe for it.
    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("a pipe")
    }

    /// What an era begins with; returns what the server says about itself.
    pub(crate) fn greet(&mut self) -> Value {
        match self.era {
            Era::Session => {
                let params = json!({
                    "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                });
                let answer = self.request("initialize", params);
                self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
                answer
            }
            Era::Stateless => self.request("server/discover", json!({})),
        }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    pub(crate) fn send_line(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let requests = self.requests.as_mut().expect("not ended");
        requests
            .write_all(bytes)
            .and_then(|()| requests.flush())
            .expect("the server reads");
    }

    /// Sends over and over, on a socket, until the server has read nothing for a second: how many whole messages went,
    /// and what is missing of the last.
    pub(crate) fn fill(&mut self, mut message: impl FnMut(usize) -> Value, most: usize) -> (usize, Vec<u8>) {
        let socket = self.socket.as_ref().expect("a socket");
        socket
            .set_write_timeout(Some(Duration::from_secs(1)))
            .expect("an open socket");
        let mut socket = socket;
        for sent in 0..most {
            let line = format!("{}\n", message(sent)).into_bytes();
            let mut rest = line.as_slice();
            while !rest.is_empty() {
                match socket.write(rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return (sent, rest.to_vec()),
                    Err(error) => unreachable!("the server is there: {error}"),
                }
            }
        }
        unreachable!("the server reads on")
    }

    /// Sends a request and returns its id.
    pub(crate) fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.next_id += 1;
        if matches!(self.era, Era::Stateless) {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        self.send(&json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}));
        self.next_id
    }

    /// Sends a request and returns its answer, which is the next message.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.answer();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Sends a request and returns its answer; notifications may come before it.
    pub(crate) fn request_among(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        loop {
            let message = self.answer();
            if message["id"] == id {
                return message;
            }
            assert!(message.get("id").is_none(), "{message}");
        }
    }

    /// The next line, which must be a message.
    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the server answers");
        let message: Value = serde_json::from_str(&line).expect("stdout carries messages only");
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        message
    }

    /// Calls a tool that must succeed: its structured content and its text.
    pub(crate) fn call(&mut self, tool: &str, arguments: impl Borrow<Value>) -> (Value, String) {
        let (result, text) = self.result(tool, arguments.borrow());
        assert_ne!(result["isError"], true, "{tool}: {text}");
        (result["structuredContent"].clone(), text)
    }

    /// Calls a tool that must fail: the text of its error.
    pub(crate) fn error(&mut self, tool: &str, arguments: impl Borrow<Value>) -> String {
        let (result, text) = self.result(tool, arguments.borrow());
        assert_eq!(result["isError"], true, "{tool} succeeded: {text}");
        assert!(result.get("structuredContent").is_none(), "{result}");
        text
    }

    fn result(&mut self, tool: &str, arguments: &Value) -> (Value, String) {
        let params = json!({"name": tool, "arguments": arguments});
        let result = self.request("tools/call", params)["result"].clone();
        let [content] = result["content"].as_array().expect("content").as_slice() else {
            unreachable!("one piece of content, not {result}");
        };
        let text = content["text"].as_str().expect("text").to_owned();
        (result, text)
    }

    /// Most memory of the server that was resident so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory_status("VmHWM:")
    }

    /// Memory of the server that is resident now, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory_status("VmRSS:")
    }

    /// From now on the server gets so many bytes of addresses more and no others.
    pub(crate) fn limit_addresses(&self, more: u64) {
        let most = self.memory_status("VmSize:") + more;
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::As, limit).expect("the server runs");
    }

    /// Ends the input; how long all threads of the server have run when it has ended, in the kernel's ticks.
    pub(crate) fn ticks_at_end(mut self) -> u64 {
        self.requests = None;
        let mut rest = String::new();
        self.answers.read_to_string(&mut rest).expect("stdout ends");
        // What the process has used can be read until it is waited for, though others may not have noticed its end yet.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("not waited for");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        assert_eq!(self.child.wait().expect("the server ends").code(), Some(0));
        // User and system time are the 14th and 15th field; the first two are the id and the name.
        fields[11..13]
            .iter()
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum()
    }

    fn memory_status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the server runs");
        let size = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse().ok());
        size.map(|kib: u64| kib << 10).expect("a size")
    }

    /// Ends the input; the server must then end by itself, with nothing more to say.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.requests = None;
        if let Some(socket) = &self.socket {
            socket.shutdown(Shutdown::Write).expect("the socket is open");
        }
        self.wait()
    }

    /// Sends a signal that the server must end at, with nothing more to say, although input may still come.
    pub(crate) fn end_by(self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
        self.wait()
    }

    /// Ends the input, or sends a signal, and reads nothing that the server still says.
    pub(crate) fn end_unread(mut self, signal: Option<Signal>) -> ExitStatus {
        match (signal, &self.socket) {
            (Some(signal), _) => kill_process(Pid::from_child(&self.child), signal).expect("the server runs"),
            (None, Some(socket)) => socket.shutdown(Shutdown::Write).expect("the socket is open"),
            (None, None) => self.requests = None,
        }
        self.child.wait().expect("the server ends")
    }

    /// Closes the socket in both directions, as a client that crashes does.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        let socket = self.socket.as_ref().expect("a socket");
        socket.shutdown(Shutdown::Both).expect("the socket is open");
        self.child.wait().expect("the server ends")
    }

    fn wait(mut self) -> ExitStatus {
        let mut rest = String::new();
        self.answers.read_to_string(&mut rest).expect("stdout ends");
        // That the list has changed is told a moment after the change, so it may come last.
        let told = r#"{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}"#;
        let said: Vec<&str> = rest.lines().filter(|line| *line != told).collect();
        assert!(said.is_empty(), "{said:?}");
        self.child.wait().expect("the server ends")
    }
}
