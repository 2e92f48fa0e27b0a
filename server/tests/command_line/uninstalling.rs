//! What goes with an entry, and what stays: all else, to the byte.

use proptest::prelude::*;
use proptest::sample::select;

use crate::home::{Home, PROGRAM};

/// How lines end in the files of a client, what surrounds the entries of its servers, and the entries themselves.
#[derive(Debug)]
struct Client {
    name: &'static str,
    file: &'static str,
    /// Begins the section of the servers.
    opening: &'static str,
    entries: &'static [&'static str],
    closing: &'static str,
    /// Lines that may stand anywhere between the others.
    between: &'static [&'static str],
    /// The start and the end of the file.
    start: &'static [&'static str],
    end: &'static [&'static str],
}

const CLIENTS: [Client; 3] = [
    Client {
        name: "cursor",
        file: ".cursor/mcp.json",
        opening: "  \"mcpServers\": {\n",
        entries: &[
            "    \"a\": {\"command\": \"x\", \"args\": [ ]},\n",
            "    \"b\" : {\n      \"url\": \"http://localhost\" // here\n    },\n",
        ],
        closing: "    \"z\": {}\n  }\n}\n",
        between: &["    // of mine\n", "\n", "    /* a\n  block */\n"],
        start: &["{\n", "// mine\n{\n  \"x\": 1e3,\n"],
        end: &["", "\n\n", "// the end\n"],
    },
    Client {
        name: "codex",
        file: ".codex/config.toml",
        opening: "",
        entries: &[
            "[mcp_servers.a]\ncommand = 'x' # x\n",
            "[mcp_servers.b] # b\nurl = \"http://localhost\"\n\n[mcp_servers.b.env]\nX = \"\"\"\n[a]\n\"\"\"\n",
            "[projects.\"/home/a b\"]\ntrust_level =   \"trusted\"\n",
            "[[skills]]\nx = 1\n[[skills]]\nx = 2\n",
        ],
        closing: "",
        between: &["# of mine\n", "\n", "   # odd\n"],
        start: &[
            "",
            "model = \"o3\"\n",
            "mcp_servers.y.command = 'x'\nmodel = \"o3\"\n",
            "# mine\n\nx = { a = 1 }\n",
        ],
        end: &["", "\n\n", "# the end\n", "[tui]\n"],
    },
    Client {
        name: "goose",
        file: ".config/goose/config.yaml",
        opening: "extensions:\n",
        entries: &[
            "  a:\n    enabled: true   # a\n    args: [ 1,  2 ]\n",
            "  b: &b\n    type: builtin\n    description: >\n      long\n        text\n",
            "  c: {enabled: true, envs: {A: 'b'}}\n",
        ],
        closing: "  z:\n    enabled: false\n",
        between: &["  # of mine\n", "\n"],
        start: &[
            "",
            "GOOSE_MODE: \"auto\"\n",
            "# mine\n\nGOOSE_SEARCH_PATHS:\n  - x y\n",
            "---\na: 1\n",
        ],
        end: &["", "\n\n", "# the end\n", "GOOSE_MODEL: x # here\n"],
    },
];

fn text(client: &'static Client) -> impl Strategy<Value = String> {
    (
        select(client.start),
        proptest::collection::vec((0..client.entries.len(), select(client.between), any::<bool>()), 0..4),
        select(client.end),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(move |(start, lines, end, is_windows, has_mark)| {
            let mut used = vec![false; client.entries.len()];
            let mut text = start.to_owned() + client.opening;
            for (entry, between, has_between) in lines {
                if has_between {
                    text += between;
                }
                // A key may not be there twice.
                if !std::mem::replace(&mut used[entry], true) {
                    text += client.entries[entry];
                }
            }
            text = text + client.closing + end;
            if is_windows {
                text = text.replace('\n', "\r\n");
            }
            if has_mark { format!("\u{feff}{text}") } else { text }
        })
}

fn any_file() -> impl Strategy<Value = (&'static Client, String)> {
    (0..CLIENTS.len()).prop_flat_map(|at| text(&CLIENTS[at]).prop_map(move |text| (&CLIENTS[at], text)))
}

proptest! {
    #![proptest_config(crate::properties::config(80))]
    #[test]
    fn an_entry_comes_and_goes_and_all_else_keeps_its_bytes((client, before) in any_file()) {
        let home = Home::new();
        home.write(client.file, &before);
        prop_assert!(home.uninstalled(&[client.name, "--yes"]).contains("nothing to do"));
        let shown = home.installed(&[client.name, "--print"]);
        prop_assert_eq!(home.read(client.file), &before[..], "only shown");
        home.installed(&[client.name, "--yes"]);
        let with = home.read(client.file);
        prop_assert!(with.contains(PROGRAM), "{with}");
        prop_assert!(!shown.contains("(new)") && shown.contains("dcc-mcp-shm"), "{shown}");
        let windows = if before.contains("\r\n") { with.matches('\n').count() } else { 0 };
        prop_assert_eq!(with.matches("\r\n").count(), windows);
        // Blank lines of JSON may go.
        let exact = |text: &str| match client.name {
            "cursor" => text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"),
            _ => text.to_owned(),
        };
        let before = exact(&before);
        // All lines are still there, in their order; JSON wants a comma after one of them.
        let mut lines = with.lines();
        for line in before.lines() {
            let is_it = |found: &str| found == line || (client.name == "cursor" && found.replace(',', "") == line.replace(',', ""));
            prop_assert!(lines.any(is_it), "{line:?} of\n{before}\nis not in\n{with}");
        }
        prop_assert!(home.installed(&[client.name, "--yes"]).contains("nothing to do"));
        home.uninstalled(&[client.name, "--yes"]);
        prop_assert_eq!(exact(&home.read(client.file)), before);
    }
}

#[test]
fn an_entry_goes_with_all_that_it_has_and_nothing_else() {
    let cases = [
        (
            "cursor",
            ".cursor/mcp.json",
            "{\n  // of both\n  \"mcpServers\": {\n    \"a\": {}, // a\n    \"dcc-mcp-shm\": {\"command\": \"x\", \"env\": {}},\n    // b\n    \"b\": {}\n  }\n}\n",
            "{\n  // of both\n  \"mcpServers\": {\n    \"a\": {}, // a\n    // b\n    \"b\": {}\n  }\n}\n",
        ),
        (
            "codex",
            ".codex/config.toml",
            "# a\n[mcp_servers.a]\ncommand = 'a'\n\n# scenes\n[mcp_servers.dcc-mcp-shm]\n# inside\ncommand = 'x'\nargs = [\n  \"serve\",\n]\n\n# b\n[b]\nc = 1\n\n[mcp_servers.dcc-mcp-shm.env]\nA = '1'\n[mcp_servers.dcc-mcp-shm.tools.read]\nx = 1\n# end\n",
            "# a\n[mcp_servers.a]\ncommand = 'a'\n\n# scenes\n\n# b\n[b]\nc = 1\n# end\n",
        ),
        (
            "codex",
            ".codex/config.toml",
            "mcp_servers.dcc-mcp-shm.command = 'x'\nmcp_servers.dcc-mcp-shm.env.A = 'x'\na = 1\n[mcp_servers.b]\ncommand = 'b'\n",
            "a = 1\n[mcp_servers.b]\ncommand = 'b'\n",
        ),
        (
            "codex",
            ".codex/config.toml",
            "[mcp_servers]\n# mine\ndcc-mcp-shm = { command = 'x' }\nb = { command = 'b' }\n",
            "[mcp_servers]\n# mine\nb = { command = 'b' }\n",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  a:\n    enabled: true\n  dcc-mcp-shm:\n    cmd: x\n    envs:\n      A: b\n\n  # b\n  b:\n    enabled: true\n# end\n",
            "extensions:\n  a:\n    enabled: true\n\n  # b\n  b:\n    enabled: true\n# end\n",
        ),
    ];
    for (client, file, before, after) in cases {
        let home = Home::new();
        home.write(file, before);
        let shown = home.uninstalled(&[client, "--print"]);
        assert_eq!(home.read(file), before, "only shown");
        assert!(shown.contains("\n-") && !shown.contains("\n+ "), "{shown}");
        home.uninstalled(&[client, "--yes"]);
        assert_eq!(home.read(file), after, "{client}");
    }
}

#[test]
fn nothing_is_made_and_nobody_is_asked_where_there_is_no_entry() {
    for client in [
        "claude-code",
        "claude-desktop",
        "cursor",
        "vscode",
        "codex",
        "gemini",
        "goose",
    ] {
        let home = Home::new();
        assert!(home.uninstalled(&[client]).contains("has no such entry; nothing to do"));
        assert!(home.everything().is_empty());
    }
}

#[test]
fn the_entry_of_the_name_goes_once_the_user_agrees() {
    let home = Home::new();
    home.installed(&["cursor", "--yes"]);
    home.installed(&["cursor", "--yes", "--name", "other"]);
    let before = home.everything();
    let error = crate::home::refusal(&home.uninstall(&["cursor", "--name", "other"]));
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(home.everything(), before);
    home.uninstalled(&["cursor", "--name", "other", "--yes"]);
    let servers = home.json(".cursor/mcp.json")["mcpServers"].clone();
    assert_eq!(
        servers.as_object().expect("an object").keys().collect::<Vec<_>>(),
        ["dcc-mcp-shm"]
    );
}
