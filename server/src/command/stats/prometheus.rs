//! Numbers in the text exposition format of Prometheus, version 0.0.4.

use std::fmt::Write as _;

use super::numbers::Numbers;
use crate::command::foreign::foreign;

/// A number, and the one label by which it differs from the others of its metric.
type Sample = (Option<(&'static str, &'static str)>, u64);

/// All numbers as gauges. Those that are not known are left out.
pub(super) fn exposition(numbers: &Numbers) -> String {
    let mut said = Exposition {
        store: foreign(&numbers.store),
        text: String::new(),
    };
    let count = |number: usize| number as u64;
    said.one("store_exists", "Whether the store is there.", u64::from(numbers.exists));
    if let Some(usage) = &numbers.usage {
        said.one("used_bytes", "Memory that the store takes.", usage.used_bytes);
        said.one("free_bytes", "The most that a new buffer can have.", usage.free_bytes);
        said.one(
            "reserve_bytes",
            "Memory kept for what is made next.",
            usage.reserve_bytes,
        );
        if let Some(quota) = usage.quota_bytes {
            said.one("quota_bytes", "The most that the store may hold.", quota);
        }
    }
    said.one(
        "pending_bytes",
        "Memory of what is deleted and still in use.",
        numbers.pending_bytes,
    );
    said.one(
        "pending_files",
        "Files that are deleted and still in use.",
        count(numbers.pending_files),
    );
    let by_kind = |number: fn(&crate::sweep::Share) -> u64| -> Vec<Sample> {
        let shares = numbers.buffers_by_kind.iter();
        shares
            .map(|(kind, share)| (Some(("kind", *kind)), number(share)))
            .collect()
    };
    said.gauge("buffers", "Buffers and scenes.", &by_kind(|share| share.count as u64));
    said.gauge(
        "buffer_bytes",
        "Size of the data in buffers and scenes.",
        &by_kind(|share| share.bytes),
    );
    said.one("pools", "Pools.", count(numbers.pools));
    let used = numbers.slots.saturating_sub(numbers.free_slots);
    let slots = [("free", numbers.free_slots), ("used", used)];
    said.gauge(
        "slots",
        "Slots of pools.",
        &slots.map(|(state, number)| (Some(("state", state)), count(number))),
    );
    said.one(
        "holders",
        "Processes seen to have something open.",
        count(numbers.holders),
    );
    said.one(
        "damaged_files",
        "Files that cannot be read.",
        count(numbers.damaged_files),
    );
    said.one("newer_files", "Files of newer programs.", count(numbers.newer_files));
    said.text
}

struct Exposition {
    store: String,
    text: String,
}

impl Exposition {
    fn one(&mut self, name: &str, help: &str, number: u64) {
        self.gauge(name, help, &[(None, number)]);
    }

    /// A metric and its samples; nothing where it has none.
    fn gauge(&mut self, name: &str, help: &str, samples: &[Sample]) {
        if samples.is_empty() {
            return;
        }
        let store = label_value(&self.store);
        // Writing to a String cannot fail.
        let _ = write!(
            self.text,
            "# HELP dcc_mcp_shm_{name} {help}\n# TYPE dcc_mcp_shm_{name} gauge\n"
        );
        for (label, number) in samples {
            let label = label.map(|(label, value)| format!(",{label}=\"{}\"", label_value(value)));
            let label = label.unwrap_or_default();
            let _ = writeln!(self.text, "dcc_mcp_shm_{name}{{store=\"{store}\"{label}}} {number}");
        }
    }
}

/// A text without line ends as it stands between the quotes of a label.
fn label_value(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}
