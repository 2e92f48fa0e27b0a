//! What happens to files: links, modes, owners, and directories that cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::home::{Home, PROGRAM, printed, refusal};

const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn a_dotfile_that_is_a_link_stays_one() {
    let home = Home::new();
    let kept = home.write("dotfiles/claude.json", "{\"a\": 1}");
    symlink("dotfiles/claude.json", home.path(".claude.json")).expect("a link");
    home.installed(&["claude-code", "--yes"]);
    assert!(home.path(".claude.json").is_symlink());
    assert!(fs::read_to_string(kept).expect("a file").contains(PROGRAM));
}

#[test]
fn a_link_to_nothing_is_an_error() {
    let home = Home::new();
    symlink("not there", home.path(".claude.json")).expect("a link");
    let error = home.refused(&["claude-code", "--yes"]);
    assert!(error.contains("link to a file that is not there"), "{error}");
    assert!(!home.path("not there").exists());
}

#[test]
fn what_is_no_file_is_not_opened() {
    let home = Home::new();
    fs::create_dir(home.path(".claude.json")).expect("a directory");
    assert!(home.refused(&["claude-code", "--yes"]).contains("not a regular file"));
    // A pipe would be waited for without end.
    fs::create_dir(home.path(".cursor")).expect("a directory");
    let fifo = home.path(".cursor/mcp.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).expect("a pipe");
    assert!(home.refused(&["cursor", "--yes"]).contains("not a regular file"));
}

#[test]
fn a_file_keeps_its_mode_and_a_new_one_of_a_user_is_private() {
    let home = Home::new();
    let file = home.write(".claude.json", "{}");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("a mode");
    home.installed(&["claude-code", "--yes"]);
    assert_eq!(mode(&file), 0o640);
    home.installed(&["cursor", "--yes"]);
    assert_eq!(mode(&home.path(".cursor/mcp.json")), 0o600);
    home.installed(&["cursor", "--yes", "--scope", "project"]);
    let usual = mode(&home.write("usual", ""));
    assert_eq!(mode(&home.path("project/.cursor/mcp.json")), usual);
}

#[test]
fn what_a_user_may_not_write_stays_as_it_is() {
    for (locked, file_mode, directory_mode) in [("the directory", 0o600, 0o500), ("the file", 0o400, 0o700)] {
        let home = Home::new();
        let file = home.write(".cursor/mcp.json", "{}");
        let directory = home.path(".cursor");
        let mut command = as_a_user(&home, &["cursor", "--yes"]);
        if rustix::process::geteuid().is_root() {
            for path in [&file, &directory] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("an owner");
            }
        }
        fs::set_permissions(&file, Permissions::from_mode(file_mode)).expect("a mode");
        fs::set_permissions(&directory, Permissions::from_mode(directory_mode)).expect("a mode");
        let output = command.output().expect("the program runs");
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("a mode");
        let error = refusal(&output);
        assert!(
            error.contains("cannot write") && error.contains("denied"),
            "{locked}: {error}"
        );
        assert_eq!(fs::read(&file).expect("the file"), b"{}", "{locked}");
        assert_eq!(
            fs::read_dir(&directory).expect("a directory").count(),
            1,
            "{locked}: a draft is left"
        );
    }
}

#[test]
fn what_a_user_may_not_read_is_an_error() {
    let home = Home::new();
    let file = home.write(".claude.json", "{}");
    let mut command = as_a_user(&home, &["claude-code", "--yes"]);
    fs::set_permissions(&file, Permissions::from_mode(0o000)).expect("a mode");
    let error = refusal(&command.output().expect("the program runs"));
    assert!(error.contains("cannot read") && error.contains("denied"), "{error}");
}

/// The command as a user without privileges, whoever runs the tests.
fn as_a_user(home: &Home, arguments: &[&str]) -> Command {
    if !rustix::process::geteuid().is_root() {
        return home.command(arguments);
    }
    // The target directory may be one that only root can enter.
    let program = home.path("program");
    // By another program: a child that this one forks meanwhile would keep the new file open for writing.
    let copied = Command::new("cp").arg(PROGRAM).arg(&program).status().expect("cp runs");
    assert!(copied.success());
    fs::set_permissions(home.path(""), Permissions::from_mode(0o755)).expect("a mode");
    let mut command = home.command_of(&program, arguments);
    command.uid(NOBODY).gid(NOBODY);
    command
}

#[test]
fn a_client_that_cannot_be_looked_for_is_not_skipped() {
    for (closed, client) in [
        (".config", ".config/goose"),
        (".config", ".config/Code/User"),
        (".config", ".config/Claude"),
    ] {
        let home = Home::new();
        fs::create_dir_all(home.path(client)).expect("a directory");
        fs::create_dir(home.path(".cursor")).expect("a directory");
        let mut command = as_a_user(&home, &["all", "--yes"]);
        if rustix::process::geteuid().is_root() {
            chown(home.path(".cursor"), Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        fs::set_permissions(home.path(closed), Permissions::from_mode(0o000)).expect("a mode");
        let output = command.output().expect("the program runs");
        fs::set_permissions(home.path(closed), Permissions::from_mode(0o700)).expect("a mode");
        let error = refusal(&output);
        assert!(
            error.contains("cannot read") && error.contains("denied"),
            "{client}: {error}"
        );
        assert!(!home.path(".cursor/mcp.json").exists(), "{client}");
    }
}

#[test]
fn a_file_in_the_place_of_a_directory_is_no_client() {
    let home = Home::new();
    home.write(".config", "no directory");
    home.write(".cursor/mcp.json", "{}");
    home.installed(&["all", "--yes"]);
    assert!(home.read(".cursor/mcp.json").contains(PROGRAM));
}

#[test]
fn root_leaves_a_file_to_its_owner() {
    use std::os::unix::fs::MetadataExt as _;
    let home = Home::new();
    let file = home.write(".claude.json", "{}");
    let owner = if rustix::process::geteuid().is_root() {
        NOBODY
    } else {
        rustix::process::getuid().as_raw()
    };
    chown(&file, Some(owner), None).expect("an owner");
    home.installed(&["claude-code", "--yes"]);
    assert_eq!(fs::metadata(&file).expect("the file").uid(), owner);
}

#[test]
fn directories_of_clients_are_where_the_environment_says() {
    let home = Home::new();
    let [claude, config] = ["claude", "config"].map(|name| home.path(name));
    for (client, variable, directory, file) in [
        ("claude-code", "CLAUDE_CONFIG_DIR", &claude, "claude/.claude.json"),
        ("vscode", "XDG_CONFIG_HOME", &config, "config/Code/User/mcp.json"),
        ("codex", "CODEX_HOME", &config, "config/config.toml"),
        ("gemini", "GEMINI_CLI_HOME", &config, "config/.gemini/settings.json"),
        ("goose", "XDG_CONFIG_HOME", &config, "config/goose/config.yaml"),
        ("goose", "GOOSE_PATH_ROOT", &config, "config/config/config.yaml"),
    ] {
        let mut command = home.command(&[client, "--yes"]);
        command.env(variable, directory);
        printed(&command.output().expect("the program runs"));
        assert!(home.read(file).contains(PROGRAM));
    }
}

#[test]
fn without_a_home_there_is_an_error_unless_none_is_needed() {
    let home = Home::new();
    let mut command = home.command(&["cursor", "--yes"]);
    command.env("HOME", "relative");
    let error = refusal(&command.output().expect("the program runs"));
    assert!(error.contains("set HOME"), "{error}");
    let mut command = home.command(&["cursor", "--scope", "project", "--yes"]);
    printed(&command.env_remove("HOME").output().expect("the program runs"));
    assert!(home.read("project/.cursor/mcp.json").contains("dcc-mcp-shm"));
    assert_eq!(home.everything().len(), 1);
}

#[test]
fn some_clients_have_no_projects() {
    for (client, title) in [("claude-desktop", "Claude Desktop"), ("goose", "Goose")] {
        let error = Home::new().refused(&[client, "--scope", "project", "--yes"]);
        assert!(error.contains(title) && error.contains("leave out --scope"), "{error}");
    }
}

#[test]
fn the_entry_names_the_link_that_the_program_was_started_by() {
    let home = Home::new();
    fs::create_dir(home.path("bin")).expect("a directory");
    let link = home.path("bin/dcc-mcp-shm");
    symlink(PROGRAM, &link).expect("a link");
    let text = link.to_str().expect("UTF-8");
    // By its path, as a relative path, and found on PATH.
    for (client, program) in [
        ("cursor", text),
        ("vscode", "../bin/dcc-mcp-shm"),
        ("claude-code", "dcc-mcp-shm"),
    ] {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", "exec \"$0\" install \"$1\" --yes", program, client])
            .env_clear()
            .envs([("HOME", home.path("")), ("PATH", home.path("bin"))])
            .current_dir(home.path("project"));
        printed(&shell.output().expect("the shell runs"));
    }
    for file in [".cursor/mcp.json", ".claude.json"] {
        assert_eq!(home.json(file)["mcpServers"]["dcc-mcp-shm"]["command"], text, "{file}");
    }
    let relative = home.json(".config/Code/User/mcp.json")["servers"]["dcc-mcp-shm"]["command"].clone();
    let relative = relative.as_str().expect("text");
    assert!(
        relative.ends_with("bin/dcc-mcp-shm") && Path::new(relative).is_absolute(),
        "{relative}"
    );
}

/// An environment as uv makes it in its cache, with the program as its command.
fn cached_program(home: &Home, cache_tag: &str) -> PathBuf {
    home.write(cache_tag, "");
    home.write("cache/x/pyvenv.cfg", "");
    home.write(
        "cache/x/lib/python3.13/site-packages/dcc_mcp_shm-0.1.0.dist-info/METADATA",
        "",
    );
    fs::create_dir(home.path("cache/x/bin")).expect("a directory");
    let program = home.path("cache/x/bin/dcc-mcp-shm");
    symlink(PROGRAM, &program).expect("a link");
    program
}

#[test]
fn what_uv_runs_out_of_its_cache_is_started_by_uv() {
    let home = Home::new();
    let program = cached_program(&home, "cache/CACHEDIR.TAG");
    let entry = |client: &str| {
        let mut command = home.command_of(&program, &[client, "--read-only", "--yes"]);
        printed(&command.env("UV", "/opt/uv/uv").output().expect("the program runs"));
    };
    entry("cursor");
    assert_eq!(
        home.json(".cursor/mcp.json")["mcpServers"]["dcc-mcp-shm"],
        json!({"command": "/opt/uv/uv", "args": ["tool", "run", "dcc-mcp-shm", "serve", "--read-only"]})
    );
    let mut command = home.command_of(&program, &["cursor", "--yes"]);
    command.envs([
        ("UV", "/opt/uv/uv"),
        ("UV_DEFAULT_INDEX", "https://studio.example/simple"),
    ]);
    printed(&command.output().expect("the program runs"));
    let arguments = [
        "tool",
        "run",
        "--default-index",
        "https://studio.example/simple",
        "dcc-mcp-shm",
        "serve",
    ];
    assert_eq!(
        home.json(".cursor/mcp.json")["mcpServers"]["dcc-mcp-shm"]["args"],
        json!(arguments)
    );
    for (direct_url, from) in [
        (
            json!({"url": "file:///mnt/tools/a%20b.whl", "archive_info": {}}),
            "dcc-mcp-shm @ file:///mnt/tools/a%20b.whl",
        ),
        (
            json!({"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}),
            "dcc-mcp-shm @ git+https://example.org/x.git@1",
        ),
    ] {
        let file = "cache/x/lib/python3.13/site-packages/dcc_mcp_shm-0.1.0.dist-info/direct_url.json";
        home.write(file, direct_url.to_string());
        entry("claude-code");
        let arguments = ["tool", "run", "--from", from, "dcc-mcp-shm", "serve", "--read-only"];
        assert_eq!(
            home.json(".claude.json")["mcpServers"]["dcc-mcp-shm"]["args"],
            json!(arguments)
        );
    }
}

#[test]
fn what_lies_in_another_cache_is_in_no_entry() {
    for (tag, uv) in [
        ("cache/CACHEDIR.TAG", ""),
        ("cache/CACHEDIR.TAG", "uv"),
        ("CACHEDIR.TAG", ""),
    ] {
        let home = Home::new();
        let program = cached_program(&home, tag);
        let mut command = home.command_of(&program, &["cursor", "--yes"]);
        let said = refusal(&command.env("UV", uv).output().expect("the program runs"));
        assert!(
            said.contains("lies in a cache") && said.contains("uv tool install"),
            "{said}"
        );
        assert!(!home.path(".cursor").exists());
    }
}

#[test]
fn an_environment_that_uv_has_made_is_no_cache() {
    let home = Home::new();
    let program = cached_program(&home, "cache/x/CACHEDIR.TAG");
    let mut command = home.command_of(&program, &["cursor", "--yes"]);
    printed(&command.env("UV", "/opt/uv/uv").output().expect("the program runs"));
    let command = &home.json(".cursor/mcp.json")["mcpServers"]["dcc-mcp-shm"]["command"];
    assert_eq!(*command, program.to_str().expect("UTF-8"));
}
