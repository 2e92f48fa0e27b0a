//! What the test files share: temporary stores, child processes to talk to, and headers to be forged.
#![allow(dead_code, reason = "each crate of tests uses a part of this")]
#![allow(unsafe_code, reason = "alarm and fork have no safe form")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub(crate) mod namespace;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Error, Layout, Reference, SceneWriter, SharedSceneBuffer, Store, StoreOptions,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

/// Memory that the stores of tests keep for what is made next, which is harder than not to.
pub(crate) const RESERVE: u64 = 256 << 20;

/// A store in memory that goes with the directory.
pub(crate) fn temp_store() -> (TempDir, Store) {
    let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let store = Store::open(&StoreOptions::at(parent.path().join("store")).reserve(RESERVE)).unwrap();
    (parent, store)
}

/// Bytes of what is in a store, without the memory that it keeps for what is made next.
pub(crate) fn bytes_in(store: &Store) -> u64 {
    store.used_bytes().unwrap() - store.reserve_bytes().unwrap()
}

/// The bytes that are used, once they are no more than this. A child process that another test starts has copies of this process's
/// descriptors until it runs its program, and keeps what is deleted at that moment for a sweep.
pub(crate) fn used_after_sweeps(store: &Store, most: u64) -> u64 {
    until("what nobody has is freed", || {
        store.gc(false).unwrap();
        Some(bytes_in(store)).filter(|&used| used <= most)
    })
}

pub(crate) fn by_id(id: Uuid) -> Reference {
    Reference::Id(id)
}

/// Repeats an attempt until it gives something; the pauses are no synchronisation, only kind to the processor.
pub(crate) fn until<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    until_within(Duration::from_secs(20), what, attempt)
}

/// The same for what takes longer on a busy machine.
pub(crate) fn until_within<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The middle one of several times, which a busy machine does not change as it does the longest.
pub(crate) fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

/// The time that so many of a hundred do not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() * percent / 100]
}

/// Shows that a waiter is woken: who is not sleeps for up to 20 ms, 10 ms in the median. A machine that is busy with other
/// things makes all times longer, but not those of each of several rounds.
pub(crate) fn assert_woken(times: usize, mut measure: impl FnMut() -> Duration) {
    let mut medians = Vec::new();
    for _ in 0..4 {
        let took: Vec<_> = (0..times).map(|_| measure()).collect();
        medians.push(median(&took));
        if medians.last() < Some(&Duration::from_millis(5)) {
            return;
        }
    }
    panic!("nobody woke the waiter: {medians:?}");
}

/// Nanoseconds on the clock that all processes share.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
}

/// How long the processor was at work for this thread while it did something.
pub(crate) fn processor_time(work: impl FnOnce()) -> Duration {
    let used = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = used();
    work();
    used().checked_sub(before).unwrap()
}

/// How often this thread went to sleep while it did something: a wait that polls does so all the time.
pub(crate) fn sleeps(work: impl FnOnce()) -> u64 {
    let so_far = || -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mut lines = status.lines();
        let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.unwrap().trim().parse().unwrap()
    };
    let before = so_far();
    work();
    so_far() - before
}

/// Most sleeps, and most time at work, of a second's wait: what polls every 5 ms, or spins, has more.
pub(crate) const FEW_SLEEPS: u64 = 100;
pub(crate) const LITTLE_WORK: Duration = Duration::from_millis(250);

/// Gives a waiter the time to fall asleep: it has said that it is about to.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// A number from the environment that makes a test longer than it is by default.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// Longer than any single wait in the tests, and shorter than a test may take.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Writes figures where `cargo test -- --nocapture` and a failure show them.
#[expect(clippy::print_stderr, reason = "a test's figures are for who runs it")]
pub(crate) fn print(figures: &str) {
    eprintln!("{figures}");
}

const ROLE: &str = "DCC_MCP_SHM_TEST_ROLE";
const ARGUMENT: &str = "DCC_MCP_SHM_TEST_ARGUMENT";

/// In a child: what it is to do, and with what. Ends the child should its parent forget it.
pub(crate) fn child_role() -> (String, String) {
    // SAFETY: takes a number; its signal ends the process.
    unsafe { libc::alarm(120) };
    (
        std::env::var(ROLE).expect("run by another test"),
        std::env::var(ARGUMENT).unwrap(),
    )
}

/// In a child that has to live longer than others.
pub(crate) fn live_for(seconds: u64) {
    // SAFETY: takes a number; the one that was set before counts no more.
    unsafe { libc::alarm(u32::try_from(seconds).unwrap()) };
}

/// What tells a child which file of which store is meant; see [`opened`].
pub(crate) fn argument(store: &Store, id: Uuid) -> String {
    format!("{} {id}", store.path().display())
}

/// In a child: the store and the file that its argument means.
pub(crate) fn opened(argument: &str) -> (Store, Uuid) {
    let (path, id) = argument.split_once(' ').unwrap();
    (
        Store::open(&StoreOptions::at(path).reserve(RESERVE)).unwrap(),
        id.parse().unwrap(),
    )
}

/// In a child: says a line to the parent.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    write!(out, "\n@@{line}\n").unwrap();
    out.flush().unwrap();
}

/// In a child: waits for a line of the parent; none means that it is gone.
pub(crate) fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// The command that runs the ignored test `child` of the caller's file in a process of its own.
#[track_caller]
pub(crate) fn child_command(role: &str, argument: &str) -> Command {
    let file = Path::new(Location::caller().file()).file_stem().unwrap();
    let child = match file.to_str().unwrap() {
        "main" => "child".to_owned(),
        module => format!("{module}::child"),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &child, "--ignored", "--nocapture"])
        .env(ROLE, role)
        .env(ARGUMENT, argument)
        .env_remove(dcc_mcp_shm::QUOTA_VARIABLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A running child, killed with this.
pub(crate) struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    #[track_caller]
    pub(crate) fn start(role: &str, argument: &str) -> Self {
        Self::of(&mut child_command(role, argument))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        Self {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// The next line it says, or nothing once it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some(at) = line.find("@@") {
                return Some(line[at + 2..].trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    pub(crate) fn hears(&mut self) -> String {
        self.next().expect("the child says something before it ends")
    }

    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.hears(), line);
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap()
    }

    /// Waits for its regular end.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        while self.next().is_some() {}
        let status = self.process.wait().unwrap();
        assert!(status.success(), "the child ended with {status}");
    }

    /// Waits for its end, whatever that is.
    pub(crate) fn status(&mut self) -> std::process::ExitStatus {
        drop(self.input.take());
        while self.next().is_some() {}
        self.process.wait().unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A user without privileges, to whom modes are not only advice: whoever runs the tests, unless that is root, who becomes
/// another one.
pub(crate) struct Unprivileged {
    parent: TempDir,
    program: PathBuf,
}

impl Unprivileged {
    pub(crate) const NOBODY: u32 = 65534;

    pub(crate) fn new() -> Self {
        let parent = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
        let home = parent.path().join("home");
        fs::create_dir(&home).unwrap();
        let mut program = std::env::current_exe().unwrap();
        if rustix::process::geteuid().is_root() {
            fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
            chown(&home, Some(Self::NOBODY), Some(Self::NOBODY)).unwrap();
            // The target directory may be one that only root can enter. By a program of its own: what is open for writing
            // here while another thread forks could not be started.
            let copy = parent.path().join("program");
            let copied = Command::new("cp").arg(&program).arg(&copy).status().unwrap();
            assert!(copied.success());
            program = copy;
        }
        Self { parent, program }
    }

    /// A directory of the user's.
    pub(crate) fn home(&self) -> PathBuf {
        self.parent.path().join("home")
    }

    /// Where the user's store is to be.
    pub(crate) fn store(&self) -> PathBuf {
        self.home().join("store")
    }

    #[track_caller]
    pub(crate) fn start(&self, role: &str, argument: &str) -> Peer {
        let plain = child_command(role, argument);
        let mut command = Command::new(&self.program);
        command.args(plain.get_args()).current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(Self::NOBODY).gid(Self::NOBODY);
        }
        Peer::of(with_variables(&mut command, &plain))
    }
}

/// Another command with the variables of a child's, and its pipes.
pub(crate) fn with_variables<'a>(command: &'a mut Command, of: &Command) -> &'a mut Command {
    for (variable, value) in of.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped())
}

/// Runs something in a forked child of this process, which must have one thread only, and gives its exit code.
pub(crate) fn in_fork(work: impl FnOnce() -> i32) -> Forked {
    // SAFETY: called in dedicated processes; the child runs `work` and leaves by `_exit` without unwinding.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(101);
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(code) }
        }
        pid => Forked(pid),
    }
}

/// A forked child.
pub(crate) struct Forked(pub(crate) i32);

impl Forked {
    /// Waits for its end and gives its exit code, or nothing when a signal ended it.
    pub(crate) fn code(self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: our own child, and a valid place for its status.
        let waited = unsafe { libc::waitpid(self.0, &raw mut status, 0) };
        assert_eq!(waited, self.0);
        libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
    }

    pub(crate) fn kill(self) {
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        assert_eq!(self.code(), None);
    }
}

/// Where the fields of a header lie, as the format says.
pub(crate) mod at {
    pub(crate) const VERSION: usize = 8;
    pub(crate) const HEADER_LEN: usize = 12;
    pub(crate) const ID: usize = 16;
    pub(crate) const CAPACITY: usize = 32;
    pub(crate) const ROLE: usize = 56;
    pub(crate) const END_FIXED: usize = 60;
    pub(crate) const SEQUENCE: usize = 64;
    pub(crate) const DATA_LEN: usize = 72;
    pub(crate) const STATE: usize = 80;
    pub(crate) const GENERATION: usize = 88;
    pub(crate) const END_WORDS: usize = 96;
    pub(crate) const FINISHED: usize = 96;
    pub(crate) const PUBLISHED: usize = 104;
    pub(crate) const END_PUBLISHED: usize = 112;
    pub(crate) const METADATA_LEN: usize = 128;
    pub(crate) const CHECKSUM: usize = 132;
    pub(crate) const METADATA: usize = 136;
}

/// A file's bytes, to be changed and put back.
#[derive(Clone)]
pub(crate) struct Image(pub(crate) Vec<u8>);

impl Image {
    pub(crate) fn of(path: &Path) -> Self {
        Self(fs::read(path).unwrap())
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn header_len(&self) -> usize {
        self.u32(at::HEADER_LEN) as usize
    }

    pub(crate) fn metadata_len(&self) -> usize {
        self.u32(at::METADATA_LEN) as usize
    }

    pub(crate) fn metadata(&self) -> Value {
        serde_json::from_slice(&self.0[at::METADATA..at::METADATA + self.metadata_len()]).unwrap()
    }

    /// Puts other metadata in, in a header that is as long as they need; the payload stays.
    pub(crate) fn set_metadata(&mut self, metadata: &[u8]) -> &mut Self {
        let payload = self.0[self.header_len()..].to_vec();
        let header_len = (at::METADATA + metadata.len()).next_multiple_of(4096);
        self.0.truncate(at::METADATA);
        self.0.extend_from_slice(metadata);
        self.0.resize(header_len, 0);
        self.0.extend_from_slice(&payload);
        self.put(at::HEADER_LEN, &u32::try_from(header_len).unwrap().to_le_bytes());
        self.put(at::METADATA_LEN, &u32::try_from(metadata.len()).unwrap().to_le_bytes());
        self.sign()
    }

    /// Makes the checksum right, where there is anything to be summed.
    pub(crate) fn sign(&mut self) -> &mut Self {
        let end = at::METADATA.saturating_add(self.metadata_len());
        let Some(metadata) = self.0.get(at::METADATA..end) else {
            return self;
        };
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.0[..at::END_FIXED]);
        sum.update(&self.0[at::METADATA_LEN..at::CHECKSUM]);
        sum.update(metadata);
        let sum = sum.finalize();
        self.put(at::CHECKSUM, &sum.to_le_bytes())
    }

    /// Puts the file where the file of this id belongs.
    pub(crate) fn place(&self, store: &Store, id: Uuid, mode: u32) -> PathBuf {
        let path = path_of(store, id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
        fs::write(&path, &self.0).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

/// Makes and removes a file of nobody's until the kernel has lost events of the store's directory.
pub(crate) fn more_events_than_are_kept(store: &Store) {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: usize = most.trim().parse().unwrap();
    let file = store.path().join("foreign");
    // Two events each.
    for _ in 0..=most / 2 {
        fs::write(&file, "").unwrap();
        fs::remove_file(&file).unwrap();
    }
}

pub(crate) fn path_of(store: &Store, id: Uuid) -> PathBuf {
    store.path().join(format!("{id}.shm"))
}

/// Bytes that say which they are: a sequence of a simple generator.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

/// Bytes that can be checked: a checksum, a number, and more that follow from it, at most `longest` in all.
pub(crate) fn frame(number: u64, longest: usize) -> Vec<u8> {
    let spread = usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap();
    let len = 12 + spread % (longest - 11);
    let mut bytes = vec![0; 4];
    bytes.extend(number.to_le_bytes());
    let words = (0u64..).flat_map(|i| (number ^ i.wrapping_mul(0xbf58_476d_1ce4_e5b9)).to_le_bytes());
    bytes.extend(words.take(len - 12));
    let sum = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The number of a frame, all of which must be as it was made.
#[track_caller]
pub(crate) fn number_of(frame: &[u8]) -> u64 {
    let sum = crc32fast::hash(&frame[4..]);
    assert_eq!(
        frame[..4],
        sum.to_le_bytes(),
        "a frame of {} bytes is wrong",
        frame.len()
    );
    u64::from_le_bytes(frame[4..12].try_into().unwrap())
}

/// Three threads try to fill one scene after the other; exactly one may succeed, and its data stay.
pub(crate) fn race_of_fillers(store: &Store) {
    let layout = Layout::new([("a", ArraySpec::new("u1".parse().unwrap(), [5000]))]).unwrap();
    for _ in 0..150 {
        let scene = SharedSceneBuffer::create_empty(store, &layout, &BufferOptions::default()).unwrap();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let fill = |mark: u8| {
                let (store, id) = (store, scene.id());
                move || {
                    loop {
                        match SceneWriter::fill(store, &by_id(id)) {
                            Ok(writer) => {
                                writer.memory().copy_in(0, &[mark; 5000]).unwrap();
                                return writer.finish().map(|scene| (mark, scene.read().map(|data| data[0])));
                            }
                            Err(Error::Busy { .. }) => std::thread::yield_now(),
                            Err(error) => return Err(error),
                        }
                    }
                }
            };
            let threads: Vec<_> = (1..=3).map(|mark| scope.spawn(fill(mark))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let sealed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(sealed.len(), 1, "{outcomes:?}");
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, Error::Sealed { .. }), "{error:?}");
        }
        let mark = sealed[0].0;
        assert!(
            scene.read().unwrap() == [mark; 5000],
            "what its filler wrote, and nobody else"
        );
        scene.unlink().unwrap();
    }
}
