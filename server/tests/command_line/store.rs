//! A store that a test has for itself, commands that look at it, and a process that has things of it open.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use dcc_mcp_shm::{BufferOptions, BufferPool, Reference, SharedSceneBuffer, Store, StoreOptions};
use serde_json::Value;

use crate::home::{PROGRAM, printed};

/// A file, when it was changed, and when it was used.
type FileTimes = (PathBuf, (i64, i64), (i64, i64));

/// For the process that holds: the store, and what to hold in it.
const STORE: &str = "DCC_MCP_SHM_TEST_STORE";
const HELD: &str = "DCC_MCP_SHM_TEST_HELD";

pub(crate) struct TestStore {
    _parent: tempfile::TempDir,
    pub(crate) store: Store,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let parent = tempfile::Builder::new().tempdir_in("/dev/shm").expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        Self { _parent: parent, store }
    }

    pub(crate) fn path(&self) -> &Path {
        self.store.path()
    }

    /// A scene that nobody has open when this returns; its id.
    pub(crate) fn scene(&self, options: &BufferOptions) -> String {
        let scene = SharedSceneBuffer::write(&self.store, b"vertices", options).expect("a scene");
        scene.id().to_string()
    }

    pub(crate) fn named(&self, name: &str) -> String {
        self.scene(&BufferOptions::default().name(name))
    }

    /// The file of a buffer.
    pub(crate) fn file(&self, id: &str) -> PathBuf {
        self.path().join(format!("{id}.shm"))
    }

    /// Writes a file with a buffer's name that is none, and returns its id.
    pub(crate) fn junk(&self, content: &[u8]) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        fs::write(self.file(&id), content).expect("a file");
        id
    }

    /// `dcc-mcp-shm …` for this store, with nothing of the environment of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.path(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// The same where nobody is seen: without the system's directory of processes, as root, or where users may make namespaces.
    pub(crate) fn run_unseeing(&self, arguments: &[&str]) -> Output {
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let script = "mount -t tmpfs -o size=4k tmpfs /proc && exec \"$0\" \"$@\"";
        unshare
            .args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c", script])
            .arg(PROGRAM)
            .args(arguments)
            .env("DCC_MCP_SHM_DIR", self.path());
        unshare.output().expect("unshare of util-linux runs")
    }

    /// What a command prints that must succeed.
    pub(crate) fn printed(&self, arguments: &[&str]) -> String {
        printed(&self.run(arguments))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.printed(arguments)).expect("JSON")
    }

    /// Every file of the store with its times: for "nothing has changed".
    pub(crate) fn everything(&self) -> Vec<FileTimes> {
        use std::os::unix::fs::MetadataExt as _;
        let files = fs::read_dir(self.path()).expect("a store").map(|entry| {
            let path = entry.expect("an entry").path();
            let of = fs::symlink_metadata(&path).expect("a file");
            // The system notes when a link was read.
            let used = if of.is_symlink() {
                (0, 0)
            } else {
                (of.atime(), of.atime_nsec())
            };
            (path, (of.mtime(), of.mtime_nsec()), used)
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    }
}

pub(crate) fn command(store: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().env("DCC_MCP_SHM_DIR", store);
    command
}

/// A process that has things open; killed with this.
pub(crate) struct Holder {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Holder {
    /// Has scenes open by their names, and slots of pools, from when this returns.
    pub(crate) fn of(store: &TestStore, names: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program");
        Self::called(&program, store, names)
    }

    /// The same as a program of another name.
    pub(crate) fn called(program: &Path, store: &TestStore, names: &[&str]) -> Self {
        let mut process = Command::new(program)
            .arg0("holder")
            .args(["--exact", "store::holder", "--ignored", "--nocapture"])
            .env(STORE, store.path())
            .env(HELD, names.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("@@holding") {
            line.clear();
            assert!(said.read_line(&mut line).expect("text") > 0, "it ended");
        }
        Self { process, said }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets it look at what it has mapped, close it, and end; returns what it saw.
    pub(crate) fn end(mut self) -> String {
        drop(self.process.stdin.take());
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        assert!(self.process.wait().expect("it ends").success(), "{rest}");
        rest
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "run by other tests as their child process"]
fn holder() {
    let store = Store::open(&StoreOptions::at(std::env::var(STORE).expect("run by another test"))).expect("a store");
    let (mut scenes, mut slots) = (Vec::new(), Vec::new());
    for name in std::env::var(HELD).expect("names").lines() {
        let reference = Reference::Name(name.to_owned());
        if let Ok(scene) = SharedSceneBuffer::open(&store, &reference) {
            scenes.push(scene);
        } else {
            let pool = BufferPool::open(&store, &reference).expect("a scene or a pool");
            slots.push((pool.acquire().expect("a slot"), pool));
        }
    }
    let views: Vec<_> = scenes.iter().map(|scene| scene.view().expect("a view")).collect();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n@@holding").expect("heard");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("text");
    for view in views {
        writeln!(stdout, "\n@@saw {:?}", str::from_utf8(&view)).expect("heard");
    }
}
