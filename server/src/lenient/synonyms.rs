//! Words that models write for others that the schemas have.

use dcc_mcp_shm_view::text::letters;

/// Fields, and other words for them, which are taken. One is found without its last `s` as well.
const OTHER_WORDS: [(&str, &[&str]); 3] = [
    ("array", &["layer", "pass", "passes", "channel", "part", "aov"]),
    ("frame", &["timecode", "time", "index", "indices"]),
    ("view", &["side", "camera", "angle"]),
];
/// Names of fields, and those that they may mean: they are told, because the caller may mean something else.
const FIELDS: [(&str, &str); 20] = [
    ("offset", "start"),
    ("skip", "start"),
    ("from", "start"),
    ("limit", "count"),
    ("length", "count"),
    ("rows", "count"),
    ("size", "count"),
    ("content", "text"),
    ("contents", "text"),
    ("data", "text"),
    ("body", "text"),
    ("value", "text"),
    ("size", "max_edge"),
    ("resolution", "max_edge"),
    ("width", "max_edge"),
    ("count", "limit"),
    ("program", "for"),
    ("language", "for"),
    ("dcc", "source_dcc"),
    ("wait", "timeout_seconds"),
];
/// Other words for the values that a field may have, by their letters and digits.
const CHOICES: [(&str, &str); 19] = [
    ("python3", "python"),
    ("py", "python"),
    ("js", "node"),
    ("javascript", "node"),
    ("nodejs", "node"),
    ("typescript", "node"),
    ("np", "numpy"),
    ("bpy", "blender"),
    ("side", "right"),
    ("leftside", "left"),
    ("rightside", "right"),
    ("frontside", "front"),
    ("backside", "back"),
    ("rear", "back"),
    ("behind", "back"),
    ("above", "top"),
    ("below", "bottom"),
    ("underneath", "bottom"),
    ("34", "three_quarter"),
];
/// Values whose signs matter. The x axis is the same whichever axis is up.
const SIGNED: [(&str, &str); 3] = [("-x", "left"), ("+x", "right"), ("x", "right")];
const DOMAINS: [(&str, &str); 14] = [
    ("vertex", "point"),
    ("vertices", "point"),
    ("vert", "point"),
    ("loop", "corner"),
    ("facevertex", "corner"),
    ("facecorner", "corner"),
    ("facevarying", "corner"),
    ("polygon", "face"),
    ("poly", "face"),
    ("primitive", "face"),
    ("uniform", "face"),
    ("detail", "constant"),
    ("global", "constant"),
    ("object", "constant"),
];
/// Element types as programs for 3D call them, where `float` has single precision.
const DTYPES: [(&str, &str); 7] = [
    ("float", "<f4"),
    ("single", "<f4"),
    ("double", "<f8"),
    ("half", "<f2"),
    ("int", "<i4"),
    ("uint", "<u4"),
    ("byte", "|u1"),
];
/// Words for no filter.
const EVERYTHING: [&str; 4] = ["all", "any", "every", "everything"];

/// The field that a name means, by its letters, if it is another word for one.
pub(super) fn field(given: &str) -> Option<&'static str> {
    let singular = given.strip_suffix('s').unwrap_or(given);
    let means = |words: &[&str]| words.contains(&given) || words.contains(&singular);
    OTHER_WORDS
        .iter()
        .find(|(_, words)| means(words))
        .map(|(field, _)| *field)
}

/// The fields that a name may mean which no field has.
pub(super) fn fields(given: &str) -> impl Iterator<Item = &'static str> {
    let given = letters(given);
    let meant = FIELDS.iter().filter(move |(name, _)| letters(name) == given);
    meant.map(|(_, field)| *field)
}

/// The choice that is meant, if it is another word for one.
pub(super) fn choice(given: &str) -> Option<&'static str> {
    let signed = given.trim().to_lowercase();
    lookup(&SIGNED, &signed).or_else(|| lookup(&CHOICES, &letters(given)))
}

/// The domain, in the words of the format.
pub(super) fn domain(given: &str) -> String {
    let given = letters(given);
    let singular = given.strip_suffix('s').unwrap_or(&given);
    let meant = lookup(&DOMAINS, &given).or_else(|| lookup(&DOMAINS, singular));
    meant.unwrap_or(singular).to_owned()
}

pub(super) fn dtype(given: &str) -> Option<&'static str> {
    lookup(&DTYPES, &given.trim().to_lowercase())
}

/// Whether a filter of this value leaves nothing out.
pub(super) fn is_everything(given: &str) -> bool {
    given.trim() == "*" || EVERYTHING.contains(&&*letters(given))
}

fn lookup(table: &[(&str, &'static str)], given: &str) -> Option<&'static str> {
    table.iter().find(|(word, _)| *word == given).map(|(_, meant)| *meant)
}
