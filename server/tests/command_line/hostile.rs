//! Text of others on a terminal: shown, never obeyed; and no wider than the window.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use dcc_mcp_shm::{Attrs, BufferOptions, is_hidden, visible};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use crate::home::{PROGRAM, refusal};
use crate::store::{Holder, TestStore};
use crate::terminal::terminal;

/// What a name may have in it and a terminal must not get: a mark upon what stands before it, text turned
/// around, or invisible.
const HOSTILE: &str = "\u{301}a\u{202e}cod\u{200b}\u{2066}x\u{e0041}\u{fe0f}\u{3164}";

/// Everything that a terminal of this width gets from a command, with `setting` in the environment.
fn on_terminal(command: &mut Command, columns: u16) -> String {
    let (mut user, program) = terminal();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&program, size).expect("a size");
    let child = command
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .stdout(program)
        .spawn();
    let mut child = child.expect("the program runs");
    // Closes our ends of the terminal, so that reading ends with the program.
    command.stdout(Stdio::null());
    let shown = until_closed(&mut user);
    assert!(child.wait().expect("it ends").success(), "{shown}");
    shown
}

/// A terminal whose other end is closed answers with an error.
fn until_closed(user: &mut File) -> String {
    let mut shown = Vec::new();
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = user.read(&mut some) {
        shown.extend_from_slice(&some[..count]);
    }
    String::from_utf8(shown).expect("UTF-8")
}

/// The text without colours; anything else that a terminal obeys is left in it.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        let (code, after) = after.split_once('m').expect("a colour");
        assert!(
            code.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{code:?} in {text:?}"
        );
        plain.push_str(before);
        rest = after;
    }
    plain + rest
}

fn hostile_store() -> TestStore {
    let store = TestStore::new();
    let attrs: Attrs = [(HOSTILE.to_owned(), json!(HOSTILE))].into_iter().collect();
    let options = BufferOptions::default()
        .name(HOSTILE)
        .source_dcc(HOSTILE)
        .group(HOSTILE)
        .attrs(attrs);
    store.scene(&options);
    store.named(&"頭".repeat(80));
    store
}

#[test]
fn names_are_escaped_in_every_command_and_in_json() {
    let store = hostile_store();
    let parent = tempfile::tempdir().expect("a directory");
    let program = parent.path().join("\u{1b}[31mx\u{7f}");
    symlink(std::env::current_exe().expect("this program"), &program).expect("a link");
    let holder = Holder::called(&program, &store, &[HOSTILE]);
    for arguments in [
        &["ls"][..],
        &["ls", "--json"],
        &["show", HOSTILE],
        &["show", HOSTILE, "--json"],
        &["top"],
        &["gc", "--dry-run"],
        &["keep", HOSTILE],
        &["rm", HOSTILE],
    ] {
        let shown = store.printed(arguments);
        let obeyed = shown
            .chars()
            .find(|&c| (c.is_control() && c != '\n') || HOSTILE.contains(c) && !c.is_ascii());
        assert_eq!(obeyed, None, "{arguments:?}: {shown}");
        if arguments[0] != "gc" {
            assert!(shown.contains("202e"), "{arguments:?}: {shown}");
        }
        if arguments == ["ls"] {
            assert!(
                shown.contains(&format!("\\u{{1b}}[31mx\\u{{7f}} {}", holder.pid())),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_terminal_gets_colours_and_lines_that_fit() {
    let store = hostile_store();
    store.junk(b"junk");
    for columns in [200, 100, 80, 40, 10] {
        for arguments in [&["ls"][..], &["gc", "--dry-run"]] {
            let shown = on_terminal(&mut store.command(arguments), columns);
            assert!(shown.contains("\u{1b}[1m"), "{shown:?}");
            let table = plain(&shown);
            let table = table
                .split_once("by itself:\r\n")
                .map_or(&table[..], |(_, table)| table);
            for line in table.lines() {
                let width: usize = line.chars().map(|c| if c == '頭' { 2 } else { 1 }).sum();
                assert!(width <= usize::from(columns), "{columns}: {line:?}");
            }
        }
    }
    let table = plain(&on_terminal(&mut store.command(&["ls"]), 100));
    assert!(
        table.contains("頭…") && table.contains("in 14 min"),
        "names give way, facts stay:\n{table}"
    );
}

#[test]
fn no_colours_where_they_are_not_wanted() {
    let store = hostile_store();
    let shown = on_terminal(store.command(&["ls"]).env("NO_COLOR", "1"), 100);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let piped = store.printed(&["ls"]);
    assert!(
        !piped.contains('\u{1b}') && piped.contains(&"頭".repeat(80)),
        "plain, and nothing cut:\n{piped}"
    );
}

#[test]
fn a_name_that_is_shown_is_found_and_a_refusal_shows_what_was_said() {
    let store = hostile_store();
    let shown = visible(HOSTILE);
    let described = store.json(&["show", "--json", &shown]);
    assert_eq!(described["name"], HOSTILE);
    let unknown = format!("{HOSTILE}?");
    for arguments in [&["show", &unknown][..], &["rm", &unknown]] {
        let output = store.run(arguments);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            !said.trim_end().contains(is_hidden) && said.contains("202e"),
            "{arguments:?}: {said}"
        );
    }
    let said = store.printed(&["rm", &shown]);
    assert!(said.contains(shown.as_ref()), "{said}");
    let said = refusal(&store.run(&["rm", HOSTILE]));
    assert!(said.contains("nothing is shared"), "{said}");
}

/// What a program says on stderr, which nothing in it may hide.
fn said(command: &mut Command, status: i32) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(!said.contains(is_hidden) && said.contains("\\u{202e}"), "{said:?}");
    said
}

#[test]
fn what_is_wrong_with_the_command_line_is_quoted_visibly() {
    let hostile = format!("{HOSTILE}\u{1b}[31m\u{1b}]0;x\u{7}");
    for arguments in [
        vec![hostile.clone()],
        vec![format!("--{hostile}")],
        vec!["serve".into(), hostile.clone()],
        vec!["serve".into(), "--max-bytes".into(), hostile.clone()],
        vec!["install".into(), hostile.clone()],
        vec!["install".into(), "cursor".into(), "--name".into(), hostile.clone()],
        vec!["show".into(), "a".into(), hostile.clone()],
    ] {
        said(Command::new(PROGRAM).args(arguments).env_clear(), 2);
    }
    let mut command = Command::new(PROGRAM);
    said(
        command
            .arg("serve")
            .env_clear()
            .env("DCC_MCP_SHM_RESULT_BYTES", &hostile),
        2,
    );
}

#[test]
fn a_selection_of_what_is_logged_is_quoted_visibly() {
    let mut command = Command::new(PROGRAM);
    command
        .arg("serve")
        .env_clear()
        .env("RUST_LOG", format!("debug,[{HOSTILE}\u{1b}[31m"));
    let said = said(&mut command, 0);
    assert!(said.contains("WARN") && said.contains("RUST_LOG"), "{said}");
}
