//! Every command at a terminal that is its stdin, stdout and stderr: it says what it was asked for, and nothing else.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};

use rustix::termios::{Winsize, tcsetwinsize};

use crate::home::PROGRAM;
use crate::store::TestStore;
use crate::terminal::terminal;

/// A program at a terminal of its own, and the user's end of that.
struct Seat {
    user: File,
    program: Child,
}

impl Seat {
    fn of(mut command: Command) -> Self {
        let (user, program) = terminal();
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&program, size).expect("a size");
        let end = || program.try_clone().expect("another descriptor");
        command.env("TERM", "xterm-256color");
        let program = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        Self {
            user,
            program: program.expect("the program runs"),
        }
    }

    fn press(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).expect("typed");
    }

    /// What is shown until a text is.
    fn until(&mut self, text: &str) -> String {
        let mut shown = Vec::new();
        let mut some = [0; 4096];
        while !String::from_utf8_lossy(&shown).contains(text) {
            let count = self.user.read(&mut some).expect("the program has the terminal open");
            shown.extend_from_slice(&some[..count]);
        }
        String::from_utf8(shown).expect("UTF-8")
    }

    /// What is shown until the program ends, and how that ends. A terminal that nobody has open answers with an error.
    fn end(mut self) -> (String, ExitStatus) {
        let mut shown = Vec::new();
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = self.user.read(&mut some) {
            shown.extend_from_slice(&some[..count]);
        }
        let status = self.program.wait().expect("it ends");
        (String::from_utf8(shown).expect("UTF-8"), status)
    }
}

/// What a command shows at a terminal, and its exit status.
fn shown(command: Command) -> (String, Option<i32>) {
    let (shown, status) = Seat::of(command).end();
    (shown, status.code())
}

fn assert_quiet(shown: &str, arguments: &[&str]) {
    for noise in ["tracing", "panicked", "feature", "WARN", "ERROR"] {
        assert!(!shown.contains(noise), "{arguments:?}: {shown}");
    }
}

#[test]
fn every_command_says_only_what_it_was_asked_for() {
    let store = TestStore::new();
    store.named("hero");
    let long = [
        "serve",
        "install",
        "uninstall",
        "ls",
        "show",
        "keep",
        "gc",
        "top",
        "doctor",
        "rm",
        "manifest",
    ];
    let pages = long.iter().map(|command| vec![*command, "--help"]);
    let commands = [
        (vec!["ls"], "hero", 0),
        (vec!["ls", "--json"], "\"hero\"", 0),
        (vec!["show", "hero"], "hero", 0),
        (vec!["show", "hero", "--json"], "\"hero\"", 0),
        (vec!["show", "villain"], "villain", 1),
        (vec!["keep", "hero"], "(hero) stays until it is deleted", 0),
        (vec!["keep", "villain"], "villain", 1),
        (vec!["gc", "--dry-run"], "Would keep 1 file", 0),
        (vec!["gc"], "Kept 1 file", 0),
        (vec!["doctor"], "file system", 0),
        (vec!["manifest"], "\"tools\"", 0),
        (vec!["--version"], "dcc-mcp-shm", 0),
        (vec!["--help"], "Usage", 0),
        (vec!["destroy"], "destroy", 2),
        (vec!["rm", "hero", "villain"], "villain", 1),
        (vec!["rm", "hero"], "hero", 1),
    ];
    let commands = commands.into_iter().chain(pages.map(|page| (page, "Usage", 0)));
    for (arguments, said, code) in commands {
        let (shown, status) = shown(store.command(&arguments));
        assert_quiet(&shown, &arguments);
        assert!(shown.contains(said), "{arguments:?}: {shown}");
        assert_eq!(status, Some(code), "{arguments:?}: {shown}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let store = TestStore::new();
    store.named("hero");
    for arguments in [&["ls"][..], &["show", "hero"], &["doctor"]] {
        let (coloured, _) = shown(store.command(arguments));
        assert!(coloured.contains("\u{1b}["), "{arguments:?}: {coloured:?}");
        let mut plain = store.command(arguments);
        plain.env("NO_COLOR", "1");
        let (plain, _) = shown(plain);
        assert!(!plain.contains('\u{1b}'), "{arguments:?}: {plain:?}");
        let piped = store.run(arguments);
        assert!(!piped.stdout.contains(&0x1b) && piped.stderr.is_empty(), "{piped:?}");
    }
}

#[test]
fn what_is_logged_to_a_terminal_is_words() {
    let store = TestStore::new();
    let mut command = store.command(&["ls"]);
    command.env("RUST_LOG", "trace");
    let (shown, status) = shown(command);
    assert_eq!(status, Some(0), "{shown}");
    assert!(!shown.contains("panicked") && !shown.contains("feature"), "{shown}");
}

#[test]
fn top_shows_the_store_and_leaves_the_terminal_as_it_was() {
    let store = TestStore::new();
    store.named("hero");
    let mut seat = Seat::of(store.command(&["top"]));
    assert_quiet(&seat.until("hero"), &["top"]);
    store.named("villain");
    assert_quiet(&seat.until("villain"), &["top"]);
    seat.press("q");
    let (rest, status) = seat.end();
    assert!(rest.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{rest:?}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_server_at_a_terminal_answers_and_ends_with_its_input() {
    let store = TestStore::new();
    let mut command = Command::new(PROGRAM);
    command.arg("serve").env("DCC_MCP_SHM_DIR", store.path());
    let mut seat = Seat::of(command);
    seat.press("{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"ping\"}\n");
    assert_quiet(&seat.until("\"result\""), &["serve"]);
    // Ctrl-D at the beginning of a line.
    seat.press("\u{4}");
    let (rest, status) = seat.end();
    assert_quiet(&rest, &["serve"]);
    assert_eq!(status.code(), Some(0), "{rest}");
}
