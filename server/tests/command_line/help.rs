//! The pages of `--help`: complete, readable, and right.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use dcc_mcp_shm::BufferOptions;

use crate::home::{Home, PROGRAM, printed};
use crate::store::TestStore;

fn page(arguments: &[&str]) -> String {
    printed(
        &Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .output()
            .expect("the program runs"),
    )
}

const COMMANDS: [&str; 15] = [
    "serve",
    "install",
    "uninstall",
    "ls",
    "show",
    "keep",
    "gc",
    "top",
    "stats",
    "doctor",
    "put",
    "get",
    "wait",
    "completions",
    "rm",
];

fn pages() -> Vec<String> {
    let commands = COMMANDS.iter().map(|command| page(&[command, "--help"]));
    std::iter::once(page(&["--help"])).chain(commands).collect()
}

#[test]
fn a_page_fits_a_window() {
    for page in pages() {
        assert!(page.lines().count() < 80, "{page}");
        assert!(page.lines().all(|line| line.len() <= 120), "{page}");
    }
}

#[test]
fn the_first_page_names_every_command_and_every_variable() {
    let (first, serve) = (page(&["--help"]), page(&["serve", "--help"]));
    for command in COMMANDS.iter().chain(&["manifest"]) {
        assert!(
            first.contains(&format!("\n  {command} ")),
            "{command} is not in\n{first}"
        );
    }
    let variables: Vec<_> = serve
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split(']').next())
        .collect();
    assert!(variables.len() >= 4, "{serve}");
    for variable in variables {
        assert!(
            first.contains(&format!("\n  {variable} ")),
            "{variable} is not in\n{first}"
        );
    }
}

#[test]
fn both_pages_say_the_exit_statuses_that_a_command_has() {
    for (command, statuses) in [("put", "012"), ("get", "0123"), ("wait", "01234")] {
        let said = |option: &str| {
            let page = page(&[command, option]);
            let mut lines = page.lines().filter(|line| line.starts_with("Exit status: "));
            (lines.next().expect("a line").to_owned(), lines.count())
        };
        let (short, others) = said("-h");
        assert_eq!((short.clone(), others), said("--help"));
        assert_eq!(others, 0, "{command}");
        let told: String = short.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(told, statuses, "{short}");
    }
}

#[test]
fn every_example_works() {
    let home = Home::new();
    std::fs::create_dir(home.path("bin")).expect("a directory");
    symlink(PROGRAM, home.path("bin/dcc-mcp-shm")).expect("a link");
    let store = TestStore::new();
    for name in ["hero", "beauty.0101", "playhead"] {
        store.scene(&BufferOptions::default().name(name));
    }
    let pages = pages().concat();
    let examples: Vec<_> = pages
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' ') && line.contains("dcc-mcp-shm "))
        .collect();
    assert_eq!(examples.len(), 33, "{examples:?}");
    for example in examples {
        let asks = example.contains("install ") && !example.contains("--yes") && !example.contains("--print");
        let agreed = if asks { " --yes" } else { "" };
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("{example}{agreed}")])
            .env_clear()
            .envs([("HOME", home.path("")), ("PATH", home.path("bin"))])
            .env("DCC_MCP_SHM_DIR", store.path())
            .current_dir(home.path("project"))
            .stdin(Stdio::null());
        let output = shell.output().expect("the shell runs");
        assert!(
            output.status.success(),
            "{example}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
