//! Clients whose configuration is not JSON, and all clients at once.

use std::fs;

use toml_edit::DocumentMut;
use yaml_edit::Document;

use crate::home::{Home, PROGRAM, printed};

/// What is in the file of Codex: command, arguments.
fn codex(text: &str, name: &str) -> (String, Vec<String>) {
    let file: DocumentMut = text.parse().expect("TOML");
    let entry = &file["mcp_servers"][name];
    let arguments = entry["args"].as_array().expect("a list");
    let arguments = arguments.iter().map(|one| one.as_str().expect("text").to_owned());
    (entry["command"].as_str().expect("text").to_owned(), arguments.collect())
}

/// The same of Goose.
fn goose(text: &str, name: &str) -> (String, Vec<String>) {
    let file: Document = text.parse().expect("YAML");
    let entry = file
        .get_mapping("extensions")
        .expect("a mapping")
        .get_mapping(name)
        .expect("an entry");
    let text_of = |node: &yaml_edit::YamlNode| node.as_scalar().expect("a scalar").as_string();
    let arguments = entry.get_sequence("args").expect("a list");
    let arguments = arguments.values().map(|one| text_of(&one)).collect();
    (text_of(&entry.get("cmd").expect("a command")), arguments)
}

#[test]
fn codex_and_goose_get_files_that_they_read() {
    let home = Home::new();
    let options = [
        "--name",
        "scenes_2",
        "--yes",
        "--store",
        "/dev/shm/it's \"a\" #store: \\ é",
        "--max-bytes",
        "1000000",
    ];
    let expected = [
        "serve",
        "--store",
        "/dev/shm/it's \"a\" #store: \\ é",
        "--max-bytes",
        "1000000",
    ]
    .map(str::to_owned);
    for client in ["codex", "goose"] {
        assert!(home.installed(&[&[client], &options[..]].concat()).contains("(new)"));
        assert!(
            home.installed(&[&[client], &options[..]].concat())
                .contains("nothing to do")
        );
    }
    let written = codex(&home.read(".codex/config.toml"), "scenes_2");
    assert_eq!(written, (PROGRAM.to_owned(), expected.to_vec()));
    let text = home.read(".config/goose/config.yaml");
    assert_eq!(goose(&text, "scenes_2"), (PROGRAM.to_owned(), expected.to_vec()));
    for line in ["enabled: true", "type: stdio", "name: scenes_2", "timeout: 300"] {
        assert!(text.contains(&format!("    {line}\n")), "{line}: {text}");
    }
    assert_eq!(home.everything().len(), 2);
}

#[test]
fn an_entry_of_an_older_program_is_corrected_in_place() {
    let home = Home::new();
    let before = "# mine\nmodel = \"o3\" # best\n\n[mcp_servers.dcc-mcp-shm] # scenes\ncommand = '/old' # here\n# wide\nargs = [\n  \
                  \"serve\", # it\n]\nstartup_timeout_sec = 20\n\n[mcp_servers.dcc-mcp-shm.env]\nRUST_LOG = \"info\"\n\n[tui]\nx = 1\n";
    home.write(".codex/config.toml", before);
    home.installed(&["codex", "--yes", "--read-only"]);
    let after = before
        .replace("'/old'", &format!("\"{PROGRAM}\""))
        .replace("[\n  \"serve\", # it\n]", "[\"serve\", \"--read-only\"]");
    assert_eq!(home.read(".codex/config.toml"), after);
    for (before, after) in [
        (
            "[mcp_servers]\ndcc-mcp-shm = { command = \"/old\" } # a\n",
            "[mcp_servers]\ndcc-mcp-shm = { command = \"NEW\", args = [\"serve\"] } # a\n",
        ),
        (
            "mcp_servers.dcc-mcp-shm.command = \"/old\"\nz = 1\n",
            "mcp_servers.dcc-mcp-shm.command = \"NEW\"\nmcp_servers.dcc-mcp-shm.args = [\"serve\"]\nz = 1\n",
        ),
    ] {
        home.write(".codex/config.toml", before);
        home.installed(&["codex", "--yes"]);
        assert_eq!(home.read(".codex/config.toml"), after.replace("NEW", PROGRAM));
    }
    let before = "# mine\nextensions:\n    dcc-mcp-shm: # scenes\n        cmd: /old # here\n        enabled: false\n        envs:\n            \
                  RUST_LOG: info\n        args: [x]\n    # of goose\n    developer:\n        enabled: true\nGOOSE_MODE: auto\n";
    home.write(".config/goose/config.yaml", before);
    home.installed(&["goose", "--yes"]);
    let text = home.read(".config/goose/config.yaml");
    assert_eq!(
        goose(&text, "dcc-mcp-shm"),
        (PROGRAM.to_owned(), vec!["serve".to_owned()])
    );
    for line in before
        .lines()
        .filter(|line| !line.contains("cmd") && !line.contains("args"))
    {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
}

#[test]
fn what_cannot_be_understood_is_not_touched() {
    let cases = [
        ("codex", ".codex/config.toml", "a = \n", "not TOML"),
        ("codex", ".codex/config.toml", "[a]\nb = 1\n[a]\n", "not TOML"),
        ("codex", ".codex/config.toml", "mcp_servers = 1\n", "not an object"),
        (
            "codex",
            ".codex/config.toml",
            "mcp_servers = { a = { command = \"x\" } }\n",
            "by hand",
        ),
        (
            "codex",
            ".codex/config.toml",
            "[[mcp_servers]]\na = 1\n",
            "not an object",
        ),
        (
            "codex",
            ".codex/config.toml",
            "[mcp_servers.dcc-mcp-shm]\nurl = \"http://localhost\"\n",
            "--name",
        ),
        ("goose", ".config/goose/config.yaml", "a: [1\n", "not YAML"),
        ("goose", ".config/goose/config.yaml", "a: 1\n---\nb: 2\n", "not YAML"),
        ("goose", ".config/goose/config.yaml", "- 1\n", "not an object"),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n- 1\n",
            "not an object",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "a: &a\n  b: 1\nextensions: *a\n",
            "not an object",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  a: 1\nextensions:\n  b: 1\n",
            "twice",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  dcc-mcp-shm:\n    uri: http://localhost\n",
            "--name",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  dcc-mcp-shm: 1\n",
            "--name",
        ),
    ];
    for (client, file, content, reason) in cases {
        for removes in [false, true] {
            let home = Home::new();
            home.write(file, content);
            let before = home.everything();
            let output = if removes {
                home.uninstall(&[client, "--yes"])
            } else {
                home.install(&[client, "--yes"])
            };
            let error = crate::home::refusal(&output);
            assert!(error.contains(reason) && error.contains(file), "{content:?}: {error}");
            assert!(error.len() < 500, "{error}");
            assert!(home.everything() == before, "{content:?} was changed");
        }
    }
}

#[test]
fn all_clients_that_are_here_get_the_entry() {
    let files = [
        (".claude.json", "claude-code"),
        (".config/Claude/claude_desktop_config.json", "claude-desktop"),
        (".cursor/mcp.json", "cursor"),
        (".config/Code/User/mcp.json", "vscode"),
        (".codex/config.toml", "codex"),
        (".gemini/settings.json", "gemini"),
        (".config/goose/config.yaml", "goose"),
    ];
    for chosen in (1..1_u32 << files.len()).step_by(6) {
        // A client is here by its file, or by its directory alone.
        let home = Home::new();
        let here: Vec<_> = (0..files.len())
            .filter(|at| chosen >> at & 1 == 1)
            .map(|at| files[at].0)
            .collect();
        for (at, file) in here.iter().enumerate() {
            if (at + chosen as usize).is_multiple_of(2) || !file.contains('/') {
                home.write(file, "");
            } else {
                fs::create_dir_all(home.path(file).parent().expect("a parent")).expect("a directory");
            }
        }
        let shown = home.installed(&["all", "--print"]);
        assert_eq!(shown.matches("+++ ").count(), here.len(), "{shown}");
        let said = home.installed(&["all", "--yes"]);
        assert_eq!(said.matches("Wrote ").count(), here.len(), "{said}");
        let written: Vec<_> = home.everything().into_iter().map(|(path, _)| path).collect();
        assert_eq!(written.len(), here.len(), "{written:?}");
        assert!(here.iter().all(|file| home.read(file).contains(PROGRAM)));
        assert_eq!(
            home.uninstalled(&["all", "--yes"]).matches("Wrote ").count(),
            here.len()
        );
        assert!(here.iter().all(|file| !home.read(file).contains(PROGRAM)));
        assert_eq!(home.uninstalled(&["all"]).matches("nothing to do").count(), here.len());
    }
}

#[test]
fn a_client_that_cannot_be_changed_does_not_keep_the_others() {
    let home = Home::new();
    home.write(".cursor/mcp.json", "[");
    fs::create_dir(home.path(".codex")).expect("a directory");
    fs::create_dir(home.path(".claude")).expect("a directory");
    let output = home.install(&["all", "--yes"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.starts_with("error: ") && errors.contains("mcp.json") && errors.lines().count() == 1,
        "{errors}"
    );
    assert!(home.read(".codex/config.toml").contains(PROGRAM) && home.read(".claude.json").contains(PROGRAM));
}

#[test]
fn where_there_is_no_client_one_has_to_be_named() {
    for scope in ["user", "project"] {
        let error = Home::new().refused(&["all", "--yes", "--scope", scope]);
        assert!(
            error.contains("no client has a configuration") && error.contains("name one"),
            "{error}"
        );
    }
    let home = Home::new();
    fs::create_dir(home.path("project/.vscode")).expect("a directory");
    let mut command = home.command(&["all", "--yes", "--scope", "project"]);
    printed(&command.env_remove("HOME").output().expect("the program runs"));
    assert!(home.read("project/.vscode/mcp.json").contains("dcc-mcp-shm"));
}
