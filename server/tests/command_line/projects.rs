//! Entries of a project, which go into its repository: the same for everybody, whoever writes them and wherever.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::home::{Home, PROGRAM, printed};

const FILES: [(&str, &str); 5] = [
    ("claude-code", "project/.mcp.json"),
    ("cursor", "project/.cursor/mcp.json"),
    ("vscode", "project/.vscode/mcp.json"),
    ("codex", "project/.codex/config.toml"),
    ("gemini", "project/.gemini/settings.json"),
];

#[test]
fn nothing_of_this_machine_or_user_is_in_an_entry_of_a_project() {
    for (client, file) in FILES {
        let mut written = Vec::new();
        for store in [None, Some("/dev/shm/mine"), Some("theirs")] {
            let home = Home::new();
            let mut command = home.command(&[client, "--scope", "project", "--yes", "--read-only"]);
            if let Some(store) = store {
                command.env("DCC_MCP_SHM_DIR", store);
            }
            let said = printed(&command.output().expect("the program runs"));
            assert_eq!(said.contains("names no store"), store.is_some(), "{said}");
            let text = home.read(file);
            let own = home.path("").to_str().expect("UTF-8").to_owned();
            for private in [PROGRAM, &own, "/dev/shm", "mine", "theirs", "--store"] {
                assert!(!text.contains(private), "{private}: {text}");
            }
            assert!(text.contains("--read-only"), "{text}");
            written.push(text);
        }
        assert!(written.iter().all(|text| *text == written[0]), "{written:?}");
    }
}

#[test]
fn what_others_can_get_by_uv_is_started_by_uvx() {
    let by_name = || json!({"command": "dcc-mcp-shm", "args": ["serve"]});
    let by_uvx = |options: &[&str]| {
        let arguments = [options, &["dcc-mcp-shm", "serve"]].concat();
        json!({"command": "uvx", "args": arguments})
    };
    let studio = "https://studio.example/simple";
    let cases = [
        (vec![], None, by_uvx(&[])),
        (
            vec![("UV_DEFAULT_INDEX", studio)],
            None,
            by_uvx(&["--default-index", studio]),
        ),
        (
            vec![("UV_INDEX", "a=https://a.example https://b.example/@x")],
            None,
            by_uvx(&["--index", "a=https://a.example https://b.example/@x"]),
        ),
        // A password, and a path.
        (
            vec![("UV_DEFAULT_INDEX", "https://me:secret@studio.example/simple")],
            None,
            by_name(),
        ),
        (
            vec![("UV_INDEX", "https://a.example https://me:secret@b.example")],
            None,
            by_name(),
        ),
        (vec![("UV_INDEX", "/mnt/packages")], None, by_name()),
        (vec![("UV_INDEX", "file:///mnt/packages")], None, by_name()),
        (
            vec![],
            Some(json!({"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}})),
            by_uvx(&["--from", "dcc-mcp-shm @ git+https://example.org/x.git@1"]),
        ),
        (
            vec![],
            Some(json!({"url": "file:///home/me/a.whl", "archive_info": {}})),
            by_name(),
        ),
    ];
    for (variables, from, expected) in cases {
        let home = Home::new();
        home.write("cache/CACHEDIR.TAG", "");
        home.write("cache/x/pyvenv.cfg", "");
        let package = "cache/x/lib/python3.13/site-packages/dcc_mcp_shm-0.1.0.dist-info";
        home.write(&format!("{package}/METADATA"), "");
        if let Some(from) = &from {
            home.write(&format!("{package}/direct_url.json"), from.to_string());
        }
        fs::create_dir(home.path("cache/x/bin")).expect("a directory");
        let program = home.path("cache/x/bin/dcc-mcp-shm");
        symlink(PROGRAM, &program).expect("a link");
        let mut command = home.command_of(&program, &["cursor", "--scope", "project", "--yes"]);
        command.env("UV", "/opt/uv/uv").envs(variables.iter().copied());
        printed(&command.output().expect("the program runs"));
        let written = home.json("project/.cursor/mcp.json")["mcpServers"]["dcc-mcp-shm"].clone();
        assert_eq!(written, expected, "{variables:?} {from:?}");
    }
}
