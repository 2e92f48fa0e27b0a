//! Who is asked before anything is written, and what happens without an answer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::home::{Home, refusal};

/// A terminal: the end that a user types at, and the end that a program has.
pub(crate) fn terminal() -> (File, File) {
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&user).expect("access");
    unlockpt(&user).expect("access");
    let name = ptsname(&user, Vec::new()).expect("a name");
    let program = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("UTF-8"));
    (user.into(), program.expect("the terminal"))
}

#[test]
fn a_change_is_written_once_the_user_agrees() {
    for (answer, agreed) in [
        ("y\n", true),
        ("YES\n", true),
        ("n\n", false),
        ("\n", false),
        ("yep\n", false),
        ("\u{4}", false),
    ] {
        let home = Home::new();
        let (mut user, program) = terminal();
        user.write_all(answer.as_bytes()).expect("typed");
        let output = home
            .command(&["cursor"])
            .stdin(program)
            .output()
            .expect("the program runs");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("+    \"dcc-mcp-shm\": {"), "{shown}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("[y/N]"));
        assert_eq!(output.status.success(), agreed, "{answer:?}");
        assert_eq!(!home.everything().is_empty(), agreed, "{answer:?}");
    }
}

#[test]
fn without_a_terminal_nobody_has_agreed() {
    let home = Home::new();
    let mut child = home
        .command(&["cursor"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // Refused without reading: the pipe stays open, and what comes through it is no answer.
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut shown = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut shown).expect("UTF-8");
    assert!(shown.contains("+    \"dcc-mcp-shm\": {"), "{shown}");
    let _ = stdin.write_all(b"y\n");
    let error = refusal(&child.wait_with_output().expect("the program ends"));
    assert!(error.contains("--yes"), "{error}");
    assert!(home.everything().is_empty());
}

#[test]
fn what_nobody_could_see_is_not_written() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = home.command(&["cursor", "--yes"]);
    let error = refusal(&command.stdout(writer).output().expect("the program runs"));
    assert!(error.contains("cannot show"), "{error}");
    assert!(home.everything().is_empty());
}

#[test]
fn a_dry_run_shows_and_succeeds() {
    let home = Home::new();
    home.write(".cursor/mcp.json", "{}\n");
    let before = home.everything();
    let shown = home.installed(&["cursor", "--dry-run"]);
    assert!(
        shown.contains("-{}\n") && shown.contains("+  \"mcpServers\": {"),
        "{shown}"
    );
    assert_eq!(home.everything(), before);
}

#[test]
fn a_file_that_changes_while_the_user_thinks_is_not_overwritten() {
    let home = Home::new();
    let file = home.write(".cursor/mcp.json", "{}");
    let (mut user, program) = terminal();
    let mut child = home
        .command(&["cursor"])
        .stdin(program)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stderr = child.stderr.take().expect("a pipe");
    let mut question = [0; "Write this? [y/N] ".len()];
    stderr.read_exact(&mut question).expect("the question");
    std::fs::write(&file, "{\"mine\": 1}").expect("a file");
    user.write_all(b"y\n").expect("typed");
    let mut error = String::new();
    stderr.read_to_string(&mut error).expect("UTF-8");
    assert!(error.contains("changed by another program"), "{error}");
    assert_eq!(child.wait().expect("the program ends").code(), Some(1));
    assert_eq!(home.read(".cursor/mcp.json"), "{\"mine\": 1}");
}
