//! Requests that are nearly right, thousands of them: no panic, no hang, no growth. `DCC_MCP_SHM_FUZZ_LINES` sets how
//! many, and `DCC_MCP_SHM_FUZZ_SEED` which.

use std::collections::HashSet;
use std::io::Read as _;
use std::process::Stdio;

use dcc_mcp_shm::{BufferOptions, BufferPool};
use serde_json::{Value, json};

use crate::client::{Client, Era, serve};
use crate::scenes::{cube, store};

const BATCH: u64 = 50;
/// Above every number that `odd` makes up, but for those that are no ids.
const FIRST_ID: u64 = 1_000_000;

/// Numbers of one seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a length")
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

fn requests() -> Vec<Value> {
    let tool = |name: &str, arguments: Value| ("tools/call", json!({"name": name, "arguments": arguments}));
    let uri = "shm://buffers/00000000-0000-4000-8000-000000000000";
    let arrays = json!({"a": {"dtype": "<f4", "shape": [4, 3], "domain": "point"}});
    let all = [
        ("ping", json!({})),
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("resources/list", json!({"cursor": "x"})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "shm://store"})),
        ("resources/read", json!({"uri": uri})),
        ("resources/subscribe", json!({"uri": uri})),
        ("resources/unsubscribe", json!({"uri": uri})),
        ("prompts/list", json!({})),
        (
            "prompts/get",
            json!({"name": "share_selection", "arguments": {"dcc": "Maya"}}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "shm://buffers/{id}"}, "argument": {"name": "id", "value": "0"}}),
        ),
        ("logging/setLevel", json!({"level": "debug"})),
        ("notifications/cancelled", json!({"requestId": 1})),
        tool(
            "list_buffers",
            json!({"kind": "Geometry", "limit": 3, "name": "c", "cursor": "x"}),
        ),
        tool("read_descriptor", json!({"buffer": "cube"})),
        tool("read_descriptor", json!({"buffer": "cube", "for": "trimesh"})),
        tool("describe_buffer", json!({"buffer": "cube", "arrays": ["position"]})),
        tool(
            "read_buffer",
            json!({"buffer": "cube", "array": "position", "start": 1, "count": 4}),
        ),
        tool("read_buffer", json!({"buffer": "cube", "format": "base64"})),
        tool("view_image", json!({"buffer": "cube", "max_edge": 32})),
        tool(
            "create_buffer",
            json!({"text": "a", "name": "made", "replace": true, "ttl_seconds": 1}),
        ),
        tool(
            "create_buffer",
            json!({"base64": "AAAA", "kind": "Screenshot", "name": "picture", "replace": true}),
        ),
        tool(
            "create_buffer",
            json!({"capacity": 16, "name": "room", "replace": true}),
        ),
        tool(
            "create_buffer",
            json!({"arrays": arrays, "name": "empty", "replace": true}),
        ),
        tool(
            "create_pool",
            json!({"slots": 2, "buffer_size": 64, "name": "made pool", "replace": true}),
        ),
        tool("pool_status", json!({"pool": "frames"})),
        tool("wait_for_buffer", json!({"timeout_seconds": 0, "name": "x"})),
        tool("store_status", json!({})),
        tool("keep_buffer", json!({"buffer": "made", "ttl_seconds": 60})),
        tool("delete_buffer", json!({"buffer": "made"})),
    ];
    let message = |(method, params): (&str, Value)| {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if !method.starts_with("notifications/") {
            message["id"] = json!(FIRST_ID);
        }
        message
    };
    all.into_iter().map(message).collect()
}

fn odd(random: &mut Random) -> Value {
    random.pick(&[
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("cube"),
        json!("../../etc/passwd"),
        json!("\u{0}\u{1b}[2J\u{202e}"),
        json!("x".repeat(5000)),
        json!([]),
        json!([[[[1]]]]),
        json!({}),
        json!({"id": "00000000-0000-4000-8000-000000000000", "version": 1}),
    ])
}

/// Every place in a message, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(object) => object
            .iter()
            .for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                places(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn mutated(random: &mut Random, message: &Value) -> Vec<u8> {
    let mut message = message.clone();
    for _ in 0..random.below(3) {
        let mut found = Vec::new();
        places(&message, "", &mut found);
        let place = random.pick(&found);
        let odd = odd(random);
        match message.pointer_mut(&place).expect("a place") {
            Value::Object(object) if random.below(2) == 0 => {
                let name = random.pick(&["buffer", "cursor", "id", "_meta", "jsonrpc", "unheard of"]);
                object.insert(name.to_owned(), odd);
            }
            value => *value = odd,
        }
    }
    let mut line = message.to_string().into_bytes();
    for _ in 0..random.below(8).saturating_sub(4) {
        let at = random.below(line.len());
        match random.below(4) {
            0 => line[at] = random.next().to_le_bytes()[0],
            1 => line.truncate(at.max(1)),
            2 => drop(line.remove(at)),
            _ => line.insert(at, random.pick(b"{}[]\",:\\0-e\x00\xff")),
        }
        if line.is_empty() {
            line.push(b' ');
        }
    }
    line
}

/// The ids of requests in these lines that must be answered: those that nothing else has by chance.
fn ids(lines: &[u8]) -> HashSet<u64> {
    let messages = lines
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let ids = messages.filter_map(|message| message["id"].as_u64());
    ids.filter(|id| (FIRST_ID..i64::MAX.unsigned_abs()).contains(id))
        .collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn requests_that_are_nearly_right_do_no_harm() {
    let (lines, seed) = (
        setting("DCC_MCP_SHM_FUZZ_LINES", 3000),
        setting("DCC_MCP_SHM_FUZZ_SEED", 1),
    );
    let (_parent, store) = store();
    let _cube = cube(&store, false);
    let _pool = BufferPool::create(&store, 2, 64, &BufferOptions::default().name("frames")).expect("a pool");
    let mut command = serve(store.path());
    command.args(["--max-bytes", "16777216"]).stderr(Stdio::piped());
    let mut client = Client::over_pipes(command, Era::Session);
    let mut stderr = client.stderr();
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).map(|_| said)
    });
    client.greet();
    let mut random = Random(seed);
    let requests = requests();
    let mut warm = 0;
    for batch in 0..lines.div_ceil(BATCH) {
        let mut sent = Vec::new();
        for line in 0..BATCH {
            let mut request = random.pick(&requests);
            if request.get("id").is_some() {
                request["id"] = json!(FIRST_ID + batch * BATCH + line);
            }
            sent.extend(mutated(&mut random, &request));
            sent.push(b'\n');
        }
        client.send_bytes(&sent);
        // Otherwise the work that waits would look like growth.
        let mut unanswered = ids(&sent);
        while !unanswered.is_empty() {
            if let Some(id) = client.answer()["id"].as_u64() {
                unanswered.remove(&id);
            }
        }
        let last = client.begin("ping", json!({}));
        while client.answer()["id"] != last {}
        if batch == lines / BATCH / 4 {
            warm = client.memory();
        }
    }
    let now = client.memory();
    assert!(now < warm + (4 << 20), "seed {seed}: from {warm} to {now} bytes");
    // What is still being worked on may be answered after the last batch.
    assert_eq!(client.end_unread(None).code(), Some(0));
    let said = said.join().expect("a thread").expect("UTF-8");
    assert!(
        !said.contains("panicked") && !said.contains("did not finish"),
        "seed {seed}: {said}"
    );
}
