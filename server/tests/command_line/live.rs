//! `top`: redrawn as the store changes, and the terminal as it was when it ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::store::{Holder, TestStore};
use crate::terminal::terminal;

const PATIENCE: Duration = Duration::from_secs(20);
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// `top` in a window of its own.
struct Top {
    child: Child,
    user: File,
    program: File,
    before: Termios,
    pieces: Receiver<Vec<u8>>,
    seen: String,
}

impl Top {
    fn start(store: &TestStore, lines: u16) -> Self {
        let (user, program) = terminal();
        let size = Winsize {
            ws_row: lines,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&program, size).expect("a size");
        let before = tcgetattr(&program).expect("a terminal");
        let end = || program.try_clone().expect("a descriptor");
        let child = store
            .command(&["top"])
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let (sender, pieces) = channel();
        let mut reader = user.try_clone().expect("a descriptor");
        // Ends with the terminal.
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            user,
            program,
            before,
            pieces,
            seen: String::new(),
        }
    }

    /// Reads on until this is seen; from there the next search goes on.
    fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let piece = self.pieces.recv_timeout(left);
            let piece = piece.unwrap_or_else(|_| unreachable!("{text:?} was not shown in {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn types(&mut self, keys: &[u8]) {
        self.user.write_all(keys).expect("typed");
    }

    /// Waits for the end; the terminal is as it was.
    fn ends_well(mut self) {
        self.shows(LEAVE);
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        self.is_as_it_was();
    }

    fn is_as_it_was(&self) {
        let after = tcgetattr(&self.program).expect("a terminal");
        assert_eq!(after.local_modes, self.before.local_modes);
        assert!(
            after
                .local_modes
                .contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
        );
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_comes_and_goes_is_seen_until_q_is_pressed() {
    let store = TestStore::new();
    store.named("first");
    let mut top = Top::start(&store, 24);
    top.shows("\u{1b}[?1049h");
    top.shows("1 buffer, 0 pools");
    top.shows("first");
    let modes = tcgetattr(&top.program).expect("a terminal").local_modes;
    assert!(
        !modes.intersects(LocalModes::ECHO | LocalModes::ICANON),
        "keys come at once, unseen"
    );
    store.named("second");
    top.shows("2 buffers");
    top.shows("second");
    let holder = Holder::of(&store, &["second"]);
    top.shows(&format!(" {}", holder.pid()));
    holder.kill();
    store.printed(&["rm", "first", "second"]);
    top.shows("0 buffers");
    top.types(b"xq");
    top.ends_well();
}

#[test]
fn control_c_and_signals_end_it_as_well() {
    let store = TestStore::new();
    for end in [
        Box::new(|top: &mut Top| top.types(&[3])) as Box<dyn Fn(&mut Top)>,
        Box::new(|top: &mut Top| {
            let pid = Pid::from_child(&top.child);
            kill_process(pid, Signal::TERM).expect("it runs");
        }),
    ] {
        let mut top = Top::start(&store, 24);
        top.shows("0 buffers");
        end(&mut top);
        top.ends_well();
    }
}

#[test]
fn ages_move_on_though_nothing_happens() {
    let store = TestStore::new();
    store.named("first");
    let mut top = Top::start(&store, 24);
    top.shows("0 s");
    top.shows("2 s");
    top.types(b"q");
    top.ends_well();
}

#[test]
fn a_small_window_says_how_much_it_hides() {
    let store = TestStore::new();
    for n in 0..30 {
        store.named(&format!("scene {n:02}"));
    }
    let mut top = Top::start(&store, 10);
    top.shows("scene 29");
    top.shows("scene 26");
    top.shows("… 26 more");
    assert!(!top.seen.contains('\n'), "the last line of the window has no end");
    top.types(b"q");
    top.ends_well();
}

#[test]
fn a_store_that_is_removed_ends_it_with_an_error() {
    let store = TestStore::new();
    let mut top = Top::start(&store, 24);
    top.shows("0 buffers");
    std::fs::remove_dir_all(store.path()).expect("removed");
    top.shows(LEAVE);
    let mut error = String::new();
    let mut stderr = top.child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut error).expect("text");
    assert_eq!(top.child.wait().expect("it ends").code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: the store ") && error.contains("was removed or replaced"),
        "{error}"
    );
    top.is_as_it_was();
}

#[test]
fn without_a_terminal_it_prints_one_picture() {
    let store = TestStore::new();
    for n in 0..30 {
        store.named(&format!("scene {n:02}"));
    }
    let said = store.printed(&["top"]);
    assert!(
        said.starts_with(&format!("{}\n30 buffers, 0 pools", store.path().display())),
        "{said}"
    );
    assert!(said.contains("scene 00") && !said.contains('\u{1b}'), "{said}");
}
