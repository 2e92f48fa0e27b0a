//! The pages of `--help`: complete, readable, and right.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::home::{Home, PROGRAM, printed};

fn page(arguments: &[&str]) -> String {
    printed(
        &Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .output()
            .expect("the program runs"),
    )
}

fn pages() -> [String; 3] {
    [&["--help"][..], &["serve", "--help"], &["install", "--help"]].map(page)
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
    let [first, serve, _] = pages();
    for command in ["serve", "install", "manifest"] {
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
fn every_example_works() {
    let home = Home::new();
    std::fs::create_dir(home.path("bin")).expect("a directory");
    symlink(PROGRAM, home.path("bin/dcc-mcp-shm")).expect("a link");
    let pages = pages().concat();
    let examples: Vec<_> = pages
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' ') && line.contains("dcc-mcp-shm "))
        .collect();
    assert_eq!(examples.len(), 9, "{examples:?}");
    for example in examples {
        let asks = example.contains(" install ") && !example.contains("--yes") && !example.contains("--dry-run");
        let agreed = if asks { " --yes" } else { "" };
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("{example}{agreed}")])
            .env_clear()
            .envs([("HOME", home.path("")), ("PATH", home.path("bin"))])
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
