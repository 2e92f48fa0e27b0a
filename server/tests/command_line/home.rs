//! A home and a project that a test has for itself, and the command in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dcc-mcp-shm");

pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("project")).expect("a project");
        Self { directory }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).expect("a text file")
    }

    /// The file as its client reads it, if that reads JSON without comments.
    pub(crate) fn json(&self, relative: &str) -> Value {
        serde_json::from_str(&self.read(relative)).expect("JSON")
    }

    /// `dcc-mcp-shm install …` in the project, with nothing of the environment of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), arguments)
    }

    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command_named("install", program);
        command.args(arguments);
        command
    }

    fn command_named(&self, name: &str, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg(name)
            .env_clear()
            .env("HOME", self.directory.path())
            .current_dir(self.path("project"));
        command
    }

    pub(crate) fn install(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// `dcc-mcp-shm uninstall …`, which must succeed; what it printed.
    pub(crate) fn uninstalled(&self, arguments: &[&str]) -> String {
        printed(&self.uninstall(arguments))
    }

    pub(crate) fn uninstall(&self, arguments: &[&str]) -> Output {
        let mut command = self.command_named("uninstall", Path::new(PROGRAM));
        command.args(arguments).output().expect("the program runs")
    }

    /// Runs what must succeed; returns what it printed.
    pub(crate) fn installed(&self, arguments: &[&str]) -> String {
        printed(&self.install(arguments))
    }

    /// Runs what must fail with one line on stderr, and returns that.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        refusal(&self.install(arguments))
    }

    /// Every file there is, with its content: for "nothing has changed".
    pub(crate) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn visit(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.is_symlink() {
                    visit(&path, found);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        visit(self.directory.path(), &mut found);
        found.sort();
        found
    }
}

pub(crate) fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn refusal(output: &Output) -> String {
    let errors = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.starts_with("error: ") && errors.trim_end().lines().count() == 1,
        "{errors}"
    );
    errors
}

pub(crate) fn entry(arguments: &[&str]) -> Value {
    json!({"command": PROGRAM, "args": arguments})
}
