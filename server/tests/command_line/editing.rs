//! What is written for each client, and what of a file stays as it was.

use serde_json::json;

use crate::home::{Home, PROGRAM, entry, printed};

#[test]
fn every_client_gets_a_file_that_it_reads() {
    let cases = [
        ("claude-code", "user", ".claude.json", "mcpServers"),
        ("claude-code", "project", "project/.mcp.json", "mcpServers"),
        (
            "claude-desktop",
            "user",
            ".config/Claude/claude_desktop_config.json",
            "mcpServers",
        ),
        ("cursor", "user", ".cursor/mcp.json", "mcpServers"),
        ("cursor", "project", "project/.cursor/mcp.json", "mcpServers"),
        ("vscode", "user", ".config/Code/User/mcp.json", "servers"),
        ("vscode", "project", "project/.vscode/mcp.json", "servers"),
        ("gemini", "user", ".gemini/settings.json", "mcpServers"),
        ("gemini", "project", "project/.gemini/settings.json", "mcpServers"),
    ];
    for (client, scope, file, section) in cases {
        let home = Home::new();
        let printed = home.installed(&[client, "--scope", scope, "--yes"]);
        assert!(printed.contains("(new)") && printed.contains("Wrote "), "{printed}");
        let mut expected = entry(&["serve"]);
        if scope == "project" {
            expected["command"] = json!("dcc-mcp-shm");
        }
        if client == "vscode" {
            expected["type"] = json!("stdio");
        }
        assert_eq!(home.json(file), json!({section: {"dcc-mcp-shm": expected}}), "{client}");
        assert_eq!(home.everything().len(), 1, "no other file, and no draft");
    }
}

#[test]
fn a_user_s_entry_is_the_default() {
    let home = Home::new();
    home.installed(&["cursor", "--yes"]);
    assert!(home.path(".cursor/mcp.json").is_file());
}

#[test]
fn options_of_the_server_become_arguments_that_mean_the_same_anywhere() {
    let home = Home::new();
    let options = [
        "--store",
        "scenes",
        "--read-only",
        "--max-bytes",
        "1.5G",
        "--result-bytes",
        "64K",
    ];
    home.installed(&[&["cursor", "--name", "scenes_2", "--yes"], &options[..]].concat());
    let store = home.path("project/scenes");
    let expected = [
        "serve",
        "--store",
        store.to_str().expect("UTF-8"),
        "--read-only",
        "--max-bytes",
        "1610612736",
        "--result-bytes",
        "65536",
    ];
    assert_eq!(
        home.json(".cursor/mcp.json")["mcpServers"]["scenes_2"],
        entry(&expected)
    );
}

#[test]
fn what_the_shell_has_set_is_in_the_entry_because_a_desktop_has_not() {
    let home = Home::new();
    let mut command = home.command(&["cursor", "--yes"]);
    command
        .env("DCC_MCP_SHM_DIR", "/dev/shm/scenes")
        .env("DCC_MCP_SHM_READ_ONLY", "1");
    printed(&command.output().expect("the program runs"));
    let expected = entry(&["serve", "--store", "/dev/shm/scenes", "--read-only"]);
    assert_eq!(home.json(".cursor/mcp.json")["mcpServers"]["dcc-mcp-shm"], expected);
}

#[test]
fn the_rest_of_a_file_keeps_its_bytes_and_commas_their_style() {
    let before = "// mine\n{\n\t/* order matters */\n\t\"inputs\": [ 1,2 ], // odd spacing\n\t\"servers\": {\n\t\t\"other\": \
                  {\"url\": \"http://localhost/\\u0061\"}, // keep\n\t},\n\t\"z\": 1e3\n}\n\n";
    let home = Home::new();
    home.write("project/.vscode/mcp.json", before);
    let shown = home.installed(&["vscode", "--scope", "project", "--yes"]);
    let after = home.read("project/.vscode/mcp.json");
    let added = "\t\t\"dcc-mcp-shm\": {\n\t\t\t\"type\": \"stdio\",\n\t\t\t\"command\": \"dcc-mcp-shm\",\n\t\t\t\"args\": \
                 [\"serve\"],\n\t\t},\n";
    assert_eq!(after, before.replace("// keep\n", &format!("// keep\n{added}")));
    for line in added.lines() {
        assert!(shown.contains(&format!("+{line}\n")), "{line} is not in\n{shown}");
    }
    assert!(!shown.contains("\n-\t"), "nothing goes:\n{shown}");
}

#[test]
fn line_ends_and_the_width_of_indents_are_the_file_s_own() {
    let home = Home::new();
    // As an editor of Windows begins a file.
    home.write(".cursor/mcp.json", "\u{feff}{\r\n    \"mcpServers\": {}\r\n}\r\n");
    home.installed(&["cursor", "--yes"]);
    let after = home.read(".cursor/mcp.json");
    assert!(after.starts_with("\u{feff}{\r\n"), "{after:?}");
    assert!(
        after.contains("\r\n        \"dcc-mcp-shm\": {\r\n            \"command\""),
        "{after:?}"
    );
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{after:?}");
}

#[test]
fn an_empty_file_is_like_none() {
    for empty in ["", "\n", "{}", "// nothing yet\n"] {
        let home = Home::new();
        home.write(".cursor/mcp.json", empty);
        let shown = home.installed(&["cursor", "--yes"]);
        assert!(!shown.contains("(new)"), "{shown}");
        let after = home.read(".cursor/mcp.json");
        assert!(after.contains(PROGRAM), "{after}");
        assert_eq!(after.contains("// nothing yet"), empty.contains("//"));
        assert!(
            home.installed(&["cursor", "--yes"]).contains("nothing to do"),
            "{after}"
        );
    }
}

#[test]
fn an_entry_that_is_right_is_left_alone() {
    let home = Home::new();
    let text = format!(
        "{{\"mcpServers\":{{\"dcc-mcp-shm\":{{\"args\" : [ \"serve\" ],\"env\":{{\"RUST_LOG\":\"info\"}},\
         \"command\":\"{PROGRAM}\"}}}}}}"
    );
    home.write(".cursor/mcp.json", &text);
    assert!(home.installed(&["cursor"]).contains("nothing to do"));
    assert_eq!(home.read(".cursor/mcp.json"), text);
}

#[test]
fn an_entry_of_an_older_program_is_corrected_and_keeps_what_the_user_added() {
    let home = Home::new();
    let mut servers = json!({"dcc-mcp-shm": {"command": "/old/dcc-mcp-shm", "env": {"RUST_LOG": "info"}}, "b": {}});
    home.write(".cursor/mcp.json", json!({"mcpServers": servers}).to_string());
    home.installed(&["cursor", "--yes", "--read-only"]);
    let entry = &mut servers["dcc-mcp-shm"];
    entry["command"] = json!(PROGRAM);
    entry["args"] = json!(["serve", "--read-only"]);
    assert_eq!(home.json(".cursor/mcp.json"), json!({"mcpServers": servers}));
}

#[test]
fn what_cannot_be_understood_is_not_touched() {
    let cases: [(&str, &[u8], &str); 11] = [
        ("half a file", b"{\"mcpServers\": {", "not JSON"),
        ("no commas", b"{\"a\": 1 \"b\": 2}", "not JSON"),
        ("two values", b"{} {}", "not JSON"),
        ("another language", b"mcpServers:\n  a: b\n", "not JSON"),
        ("deep", &b"[".repeat(100_000), "not JSON"),
        ("another encoding", b"{\"a\": \"\xff\"}", "UTF-8"),
        ("a list", b"[1]", "not an object"),
        (
            "a list of servers",
            b"{\"mcpServers\": []}",
            "\"mcpServers\" is not an object",
        ),
        ("two lists", b"{\"mcpServers\": {}, \"mcpServers\": {}}", "twice"),
        (
            "an address of this name",
            b"{\"mcpServers\": {\"dcc-mcp-shm\": {\"url\": \"http://localhost\"}}}",
            "--name",
        ),
        (
            "a text of this name",
            b"{\"mcpServers\": {\"dcc-mcp-shm\": \"x\"}}",
            "--name",
        ),
    ];
    for (what, content, reason) in cases {
        let home = Home::new();
        home.write(".cursor/mcp.json", content);
        let before = home.everything();
        let error = home.refused(&["cursor", "--yes"]);
        assert!(error.contains(reason) && error.contains("mcp.json"), "{what}: {error}");
        assert!(error.len() < 500, "{what}: {error}");
        assert!(home.everything() == before, "{what} was changed");
    }
}

#[test]
fn a_name_that_clients_cannot_use_is_an_error_of_the_command_line() {
    let home = Home::new();
    for name in ["", "two words", "a/b", "é", "a\u{1b}[31m", &"a".repeat(33)] {
        let output = home.install(&["cursor", "--yes", "--name", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
    assert!(home.everything().is_empty());
}

#[test]
fn a_terminal_obeys_nothing_that_is_in_the_file() {
    let home = Home::new();
    home.write(
        ".cursor/mcp.json",
        format!(
            "{{\n\"mcpServers\": {{\n\"a\": \"\u{1b}]0;x\u{7}\u{202e}{}\"\n}}\n}}",
            "x".repeat(1 << 20)
        ),
    );
    let shown = home.installed(&["cursor", "--dry-run"]);
    assert!(
        shown.contains("\\u{1b}]0;x\\u{7}\\u{202e}xxx") && shown.len() < 2000,
        "{shown:?}"
    );
}
