//! Every tool's own schema, arguments that fit it, and the ways in which models write these.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use rmcp::model::Tool;
use serde_json::{Value, json};

use super::*;
use crate::settings::Settings;
use crate::tools;

/// What an error for a model must not say.
const OF_RUST: [&str; 14] = [
    "u64", "usize", "u32", "i64", "f64", "u8", "String", "Vec", "struct", "enum", "Option", "map", "sequence", "Uuid",
];

fn all() -> Vec<Tool> {
    tools::router(&Settings::default()).list_all()
}

/// A value that fits a schema, and the same as a model might write it.
fn pair(name: &str, schema: &Value) -> BoxedStrategy<(Value, Value)> {
    let name = name.to_owned();
    if schema.get("anyOf").is_some() {
        let text = "[a-z]{3,9}".prop_map(Value::from);
        let object = "[a-z]{3,9}".prop_map(|name| json!({"name": name}));
        let one = prop_oneof![text, object];
        return (one, any::<bool>())
            .prop_map(|(one, listed)| (one.clone(), if listed { json!([one]) } else { one }))
            .boxed();
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return (select(choices.clone()), spelling())
            .prop_map(|(choice, spell)| {
                let spelled = spell(choice.as_str().expect("text"));
                (choice, spelled.into())
            })
            .boxed();
    }
    match schema["type"].as_str().expect("a type") {
        "string" if name == "dtype" => {
            let types = [
                ("<f4", "float32"),
                ("|u1", "uint8"),
                ("<i8", "np.int64"),
                ("<f2", " F2"),
                ("<f8", "Float64"),
                ("<f4", "float"),
                ("<f8", "double"),
            ];
            select(types.to_vec())
                .prop_map(|(typestr, spelled)| (typestr.into(), spelled.into()))
                .boxed()
        }
        "string" if name == "domain" => {
            let domains = [
                ("point", "POINT"),
                ("point", "points"),
                ("point", "Vertex"),
                ("point", "vertices"),
                ("corner", " Corner"),
                ("corner", "corners"),
                ("corner", "face-vertex"),
                ("face", "face"),
                ("face", "polygons"),
            ];
            select(domains.to_vec())
                .prop_map(|(domain, spelled)| (domain.into(), spelled.into()))
                .boxed()
        }
        "string" if TO_THE_LETTER.contains(&name.as_str()) => ("[ \"a-z]{1,9}x", any::<bool>())
            .prop_map(move |(text, listed)| {
                // What is stored as text may be a list itself.
                let listed = listed && !CONTENT.contains(&name.as_str());
                (json!(text), if listed { json!([text]) } else { json!(text) })
            })
            .boxed(),
        "string" => ("[a-z]{3,9}", wrapping())
            .prop_map(|(text, wrap)| {
                let wrapped = wrap(&text);
                (text.into(), wrapped.into())
            })
            .boxed(),
        "integer" => {
            let limit = |limit: &str, default: u64| schema.get(limit).and_then(Value::as_u64).unwrap_or(default);
            let range = limit("minimum", 0)..=limit("maximum", 1 << 40);
            (range, 0..7_usize)
                .prop_map(|(number, how)| {
                    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
                    let as_float = number as f64;
                    let spelled = [
                        json!(number),
                        json!(number.to_string()),
                        json!(as_float),
                        json!(format!(" {number}\n")),
                        json!(format!("{number}.0")),
                        json!(format!("\"{number}\"")),
                        json!([number]),
                    ];
                    (number.into(), spelled[how].clone())
                })
                .boxed()
        }
        "number" => number_pair(),
        "boolean" => (any::<bool>(), spelling())
            .prop_map(|(truth, spell)| {
                let spelled = spell(&truth.to_string());
                (truth.into(), spelled.into())
            })
            .boxed(),
        "array" => {
            let items = prop::collection::vec(pair(&name, &schema["items"]), 1..4);
            (items, wrapping_json())
                .prop_map(|(items, wrap)| {
                    let (meant, spelled): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                    (meant.into(), wrap(spelled.into()))
                })
                .boxed()
        }
        "object" => object_pair(schema),
        other => unreachable!("no input has {other}"),
    }
}

fn number_pair() -> BoxedStrategy<(Value, Value)> {
    (-(1_i64 << 40)..1 << 40, 0..4_usize)
        .prop_map(|(quarters, how)| {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let number = quarters as f64 / 4.0 + 0.125;
            let spelled = [
                json!(number),
                json!(number.to_string()),
                json!(format!(" {number}\n")),
                json!(format!("\"{number}\"")),
            ];
            (number.into(), spelled[how].clone())
        })
        .boxed()
}

fn object_pair(schema: &Value) -> BoxedStrategy<(Value, Value)> {
    if let Some(each) = schema.get("additionalProperties").filter(|each| each.is_object()) {
        let named = prop::collection::btree_map("[a-z]{1,6}", pair("", each), 1..3);
        return (named, wrapping_json())
            .prop_map(|(named, wrap)| {
                let meant: JsonObject = named
                    .iter()
                    .map(|(name, (meant, _))| (name.clone(), meant.clone()))
                    .collect();
                let spelled: JsonObject = named.into_iter().map(|(name, (_, spelled))| (name, spelled)).collect();
                (meant.into(), wrap(spelled.into()))
            })
            .boxed();
    }
    let none = JsonObject::new();
    let takes_none = (schema["additionalProperties"] == false).then_some(&none);
    let Some(properties) = schema.get("properties").and_then(Value::as_object).or(takes_none) else {
        // Free facts are kept to the letter.
        let facts = json!({"upAxis": "Z", "note": " null ", "n": "5", "list": [1.5, null]});
        return wrapping_json()
            .prop_map(move |wrap| (facts.clone(), wrap(facts.clone())))
            .boxed();
    };
    let required: BTreeSet<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let makes = properties.contains_key("replace");
    let fields = properties.iter().map(move |(name, schema)| {
        let is_name_of_new = makes && name == "name";
        let is_required = required.contains(name.as_str());
        (
            Just(name.clone()),
            if is_name_of_new { new_name() } else { pair(name, schema) },
            prop::bool::weighted(if is_required { 1.0 } else { 0.5 }),
            0..5_usize,
        )
    });
    let fields: Vec<_> = fields.collect();
    fields
        .prop_map(move |fields| {
            let (mut meant, mut spelled) = (JsonObject::new(), JsonObject::new());
            for (name, (value, written), is_given, nothing) in fields {
                if is_given {
                    meant.insert(name.clone(), value);
                    spelled.insert(name, written);
                } else if nothing < 4 && !CONTENT.contains(&name.as_str()) {
                    // An empty name is told as such.
                    let empty = if makes && name == "name" {
                        json!("null")
                    } else {
                        json!("")
                    };
                    spelled.insert(
                        name,
                        [json!(null), empty, json!("null"), json!("None")][nothing].clone(),
                    );
                }
            }
            (meant.into(), spelled.into())
        })
        .boxed()
}

/// A name of something new: nothing but blanks is taken off.
fn new_name() -> BoxedStrategy<(Value, Value)> {
    let blanks = select(vec!["{}", " {}", " {} ", "\t{}\n"]);
    let name = ("[a-z\"'`]{1,3}[a-z ]{3,9}[a-z]", blanks);
    name.prop_map(|(name, around)| (json!(name), json!(around.replace("{}", &name))))
        .boxed()
}

fn spelling() -> impl Strategy<Value = fn(&str) -> String> {
    select(vec![
        (|text| text.to_owned()) as fn(&str) -> String,
        |text| text.to_uppercase(),
        |text| text.to_lowercase(),
        |text| format!(" {text}\n"),
        |text| format!("\"{text}\""),
        |text| text.replace('_', "-"),
    ])
}

fn wrapping() -> impl Strategy<Value = fn(&str) -> String> {
    select(vec![
        (|text| text.to_owned()) as fn(&str) -> String,
        |text| format!("  {text} "),
        |text| format!("{text}\n"),
        |text| format!("\"{text}\""),
        |text| format!(" '{text}'\r\n"),
        |text| format!("`{text}`"),
        |text| format!("“{text}”"),
    ])
}

fn wrapping_json() -> impl Strategy<Value = fn(Value) -> Value> {
    select(vec![
        (|value| value) as fn(Value) -> Value,
        |value| value.to_string().into(),
        |value| format!("\n{value} ").into(),
        |value| format!("```json\n{value:#}\n```").into(),
    ])
}

/// Arguments of one of all tools, and how a model may write them.
fn call() -> impl Strategy<Value = (Tool, JsonObject, JsonObject)> {
    select(all()).prop_flat_map(|tool| {
        let both = object_pair(&Value::Object((*tool.input_schema).clone()));
        both.prop_map(move |(meant, spelled)| (tool.clone(), object(meant), object(spelled)))
    })
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        other => unreachable!("{other} is no object"),
    }
}

/// Content is only dropped beside other content; a generator does not know of that.
fn has_empty_content(arguments: &JsonObject) -> bool {
    CONTENT.iter().any(|name| {
        arguments
            .get(*name)
            .and_then(Value::as_str)
            .is_some_and(|text| text.trim().is_empty())
    })
}

proptest! {
    #![proptest_config(crate::properties::config(1000))]

    #[test]
    fn what_models_write_is_what_they_mean((tool, meant, spelled) in call()) {
        prop_assume!(!has_empty_content(&meant));
        let taken = arguments(&tool.input_schema, spelled.clone()).map_err(|error| error.to_string());
        prop_assert_eq!(taken.as_ref(), Ok(&meant), "{} {}", tool.name, json!(spelled));
        // What fits is left as it is.
        let again = arguments(&tool.input_schema, meant.clone()).map_err(|error| error.to_string());
        prop_assert_eq!(again, Ok(meant));
    }

    #[test]
    fn all_bad_fields_are_named_and_no_type_of_rust(
        (tool, meant, spelled) in call(),
        bad in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        unheard_of in any::<bool>(),
    ) {
        let mut given = spelled;
        let mut wrong = BTreeSet::new();
        let names: Vec<String> = meant.keys().cloned().collect();
        for index in bad {
            if names.is_empty() {
                break;
            }
            let name = index.get(&names);
            let schema = &tool.input_schema["properties"][name];
            let value = match schema["type"].as_str() {
                Some("integer") => json!("many"),
                Some("string") if schema.get("enum").is_some() => json!("no such"),
                Some("boolean") => json!("perhaps"),
                Some("array") => json!({"a": 1}),
                _ => json!(true),
            };
            given.insert(name.clone(), value);
            wrong.insert(name.clone());
        }
        if unheard_of {
            given.insert("zzz".to_owned(), json!(1));
            wrong.insert("zzz".to_owned());
        }
        prop_assume!(!wrong.is_empty());
        let error = arguments(&tool.input_schema, given.clone()).expect_err("bad arguments").to_string();
        for name in &wrong {
            prop_assert!(error.contains(&format!("`{name}`")), "{name} of {}: {error}", json!(given));
        }
        for word in error.split(|c: char| !c.is_alphanumeric()) {
            prop_assert!(!OF_RUST.contains(&word), "{word}: {error}");
        }
        prop_assert!(error.len() < 1000, "{error}");
    }

    #[test]
    fn nothing_that_is_json_is_a_panic(
        tool in select(all()),
        name in prop_oneof![Just("buffer".to_owned()), Just("arrays".to_owned()), "[a-z_]{1,9}"],
        text in "[\\PC\\n\\[\\]{}\"',:0-9]{0,40}",
        how in 0..4_usize,
    ) {
        let value = [json!(text), json!([text]), json!({text.as_str(): text}), json!([{"name": text}, 1e300])][how].clone();
        let _ = arguments(&tool.input_schema, [(name, value)].into_iter().collect());
    }
}

fn of(tool: &str, given: Value) -> Result<Value, String> {
    let tools = all();
    let tool = tools.iter().find(|known| known.name == tool).expect("a tool");
    arguments(&tool.input_schema, object(given))
        .map(Value::Object)
        .map_err(|error| error.to_string())
}

#[test]
fn layouts_are_taken_as_models_and_python_write_them() {
    let meant = json!({"arrays": {"position": {"dtype": "<f4", "shape": [8, 3], "domain": "point"}}});
    for arrays in [
        json!({"position": {"dtype": "float32", "shape": "[8, 3]", "domain": "Point"}}),
        json!({"position": {"dtype": "F4", "shape": "(8, 3)", "domain": "POINT"}}),
        json!({"position": {"dtype": "numpy.float32", "shape": "8x3", "domain": "point"}}),
        json!({"position": ["f4", [8.0, "3"], "point"]}),
        json!({"position": "[\"f4\", [8, 3], \"point\"]"}),
        json!([{"name": "position", "dtype": "f4", "shape": [8, 3], "domain": "point"}]),
        json!("{'position': {'dtype': 'f4', 'shape': [8, 3], 'domain': 'point'}}"),
        json!("[{\"name\": \"position\", \"dtype\": \"f4\", \"shape\": [8, 3], \"domain\": \"point\"}]"),
    ] {
        assert_eq!(
            of("create_buffer", json!({"arrays": arrays})),
            Ok(meant.clone()),
            "{arrays}"
        );
    }
    let flat = json!({"arrays": {"a": {"dtype": "<i4", "shape": [24]}}});
    for shape in [json!(24), json!("24"), json!([24]), json!("(24,)")] {
        let given = json!({"arrays": {"a": {"dtype": "i4", "shape": shape, "domain": null}}});
        assert_eq!(of("create_buffer", given), Ok(flat.clone()), "{shape}");
    }
}

#[test]
fn arguments_that_are_nested_or_named_otherwise_are_found() {
    let meant = Ok(json!({"buffer": "cube"}));
    for given in [
        json!({"buffer": "cube"}),
        json!({"Buffer": "cube"}),
        json!({"buffer": ["cube"]}),
        json!({"name": "cube"}),
        json!({"id": "cube"}),
        json!({"bufferId": "cube"}),
        json!({"arguments": {"buffer": "cube"}}),
        json!({"input": "{\"buffer\": \"cube\"}"}),
        json!({"buffer": "cube", "for": null}),
        json!({"buffer": "cube", "For": ""}),
    ] {
        assert_eq!(of("read_descriptor", given.clone()), meant, "{given}");
    }
    let both = json!({"id": "5a0c7b16", "name": "cube"});
    assert_eq!(of("read_descriptor", both.clone()), Ok(json!({"buffer": both})));
    assert_eq!(
        of("view_image", json!({"buffer": "a", "maxEdge": "512"})),
        Ok(json!({"buffer": "a", "max_edge": 512}))
    );
    let one = json!({"buffer": "a", "array": "depth", "view": ["front"], "frame": [1020.0]});
    for given in [
        json!({"buffer": "a", "layer": "depth", "view": "front", "frame": 1020.0}),
        json!({"buffer": "a", "Pass": "depth", "views": ["FRONT"], "frames": [1020.0]}),
        json!({"buffer": "a", "array": "depth", "side": " Front ", "timeCode": "[1020.0]"}),
    ] {
        assert_eq!(of("view_image", given.clone()), Ok(one.clone()), "{given}");
    }
    let many = json!({"buffer": "a", "view": ["front", "right", "top"], "frame": [1, 5]});
    for given in [
        json!({"buffer": "a", "view": "front, right,top", "frame": "1, 5"}),
        json!({"buffer": "a", "views": "[\"front\", \"Right\", \"top\"]", "frames": "1 5"}),
    ] {
        assert_eq!(of("view_image", given.clone()), Ok(many.clone()), "{given}");
    }
    for given in [
        json!({"buffer": "a", "array": "uv, 0"}),
        json!({"buffer": "a", "arrays": "uv, 0"}),
    ] {
        assert_eq!(
            of("describe_buffer", given),
            Ok(json!({"buffer": "a", "arrays": ["uv, 0"]}))
        );
    }
    assert_eq!(of("store_status", json!({"random_string": ""})), Ok(json!({})));
    // Where a field is called so, it is that field.
    assert_eq!(
        of("wait_for_buffer", json!({"name": "cube"})),
        Ok(json!({"name": "cube"}))
    );
}

#[test]
fn content_is_taken_to_the_letter() {
    for text in ["", "null", " padded ", "\"quoted\"", "5", "[1]"] {
        assert_eq!(of("create_buffer", json!({"text": text})), Ok(json!({"text": text})));
    }
    let meant = Ok(json!({"text": "a", "attrs": {"note": "null", "empty": ""}}));
    let attrs = json!({"note": "null", "empty": ""});
    assert_eq!(
        of(
            "create_buffer",
            json!({"text": "a", "base64": "", "arrays": "null", "attrs": attrs})
        ),
        meant
    );
}

#[test]
fn what_overwrites_takes_no_guess_for_yes() {
    for replace in [json!("yes"), json!(1), json!("1"), json!("t"), json!([true])] {
        let error = of("create_buffer", json!({"text": "a", "name": "b", "replace": replace})).expect_err("a guess");
        assert!(error.contains("`replace`: invalid type"), "{error}");
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let error = of(
        "list_buffers",
        json!({"limit": "many", "kind": "mesh", "curser": "x", "verbose": true}),
    )
    .expect_err("bad");
    for said in [
        "`limit`: invalid type: text \"many\", expected a whole number",
        "`kind`: unknown variant `mesh`, expected one of `Geometry`",
        "`curser`: unknown field",
        "`verbose`: unknown field",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    let error = of("create_pool", json!({"slots": 0, "attrs": "x"})).expect_err("bad");
    for said in [
        "`slots`: 0 is not between 1 and 4096",
        "`attrs`: invalid type",
        "missing field `buffer_size`",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    let error = of(
        "create_buffer",
        json!({"arrays": {"a": {"dtype": "f3", "shape": [1, -1]}, "b": {"shape": 1}}, "ttl": 1}),
    );
    let error = error.expect_err("bad");
    for said in [
        "`arrays.a.dtype`: dtype: \"f3\" is no element type",
        "`arrays.a.shape[1]`: invalid value: -1",
        "`arrays.b`: missing field `dtype`",
        "`ttl`: unknown field; is `ttl_seconds` meant?",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn other_words_and_single_values_in_lists_are_taken() {
    for (tool, given, meant) in [
        (
            "describe_buffer",
            json!({"buffer": "a", "arrays": "position"}),
            json!({"buffer": "a", "arrays": ["position"]}),
        ),
        (
            "read_buffer",
            json!({"buffer": "a", "array": ["uv"]}),
            json!({"buffer": "a", "array": "uv"}),
        ),
        (
            "list_buffers",
            json!({"kind": ["geometry"], "name": ["hero"]}),
            json!({"kind": "Geometry", "name": "hero"}),
        ),
        ("list_buffers", json!({"kind": "all"}), json!({})),
        (
            "list_buffers",
            json!({"kind": ["Any"], "group": "all"}),
            json!({"group": "all"}),
        ),
        ("wait_for_buffer", json!({"kind": "*"}), json!({})),
        (
            "wait_for_buffer",
            json!({"timeout_seconds": 0.5}),
            json!({"timeout_seconds": 1}),
        ),
        (
            "wait_for_buffer",
            json!({"timeout_seconds": "2.25"}),
            json!({"timeout_seconds": 3}),
        ),
        (
            "read_descriptor",
            json!({"buffer": "a", "for": "python3"}),
            json!({"buffer": "a", "for": "python"}),
        ),
        (
            "read_descriptor",
            json!({"buffer": "a", "for": "Node.js"}),
            json!({"buffer": "a", "for": "node"}),
        ),
        (
            "read_descriptor",
            json!({"buffer": "a", "for": "js"}),
            json!({"buffer": "a", "for": "node"}),
        ),
        (
            "create_buffer",
            json!({"text": {"a": [1]}}),
            json!({"text": "{\"a\":[1]}"}),
        ),
        ("create_buffer", json!({"text": [1, 2]}), json!({"text": "[1,2]"})),
    ] {
        assert_eq!(of(tool, given.clone()), Ok(meant), "{tool} {given}");
    }
    for (view, meant) in [
        ("side", "right"),
        ("above", "top"),
        ("left side", "left"),
        ("-X", "left"),
        ("+x", "right"),
        ("3/4", "three_quarter"),
        ("Three Quarter", "three_quarter"),
        ("from below", ""),
    ] {
        let taken = of("view_image", json!({"buffer": "a", "view": view}));
        assert_eq!(
            taken.ok(),
            (!meant.is_empty()).then(|| json!({"buffer": "a", "view": [meant]})),
            "{view}"
        );
    }
}

#[test]
fn fields_of_other_names_are_told_with_those_that_are_meant() {
    for (tool, given, meant) in [
        ("read_buffer", "offset", "start"),
        ("read_buffer", "limit", "count"),
        ("create_buffer", "content", "text"),
        ("create_buffer", "data", "text"),
        ("view_image", "size", "max_edge"),
        ("list_buffers", "count", "limit"),
        ("list_buffers", "dcc", "source_dcc"),
        ("read_descriptor", "language", "for"),
    ] {
        let error = of(tool, json!({"buffer": "a", given: 1})).expect_err("no such field");
        assert!(
            error.contains(&format!("`{given}`: unknown field; is `{meant}` meant?")),
            "{error}"
        );
        assert!(!error.contains("?."), "{error}");
    }
    let error = of("read_buffer", json!({"buffer": "a", "start": "1_0", "count": "0x2"})).expect_err("bad");
    assert!(error.contains("`start`") && error.contains("`count`"), "{error}");
}

#[test]
fn the_name_of_something_new_is_taken_as_it_is() {
    for tool in ["create_buffer", "create_pool"] {
        let with = |name: &str| of(tool, json!({"text": "a", "slots": 1, "buffer_size": 1, "name": name}));
        for name in ["\"beta\"", "'beta'", "`beta`", " \"beta\" ", "“beta”"] {
            let error = with(name).expect_err("quotes");
            assert!(error.contains("`name`") && error.contains("quotes"), "{error}");
        }
    }
    let taken = of("create_buffer", json!({"text": "a", "name": " 5\" pipe\n"}));
    assert_eq!(taken, Ok(json!({"text": "a", "name": "5\" pipe"})));
}

#[test]
fn a_field_under_two_names_says_one_thing() {
    let same = of("view_image", json!({"buffer": "a", "array": "depth", "layer": "depth"}));
    assert_eq!(same, Ok(json!({"buffer": "a", "array": "depth"})));
    let nothing = of("view_image", json!({"buffer": "a", "array": "depth", "layer": null}));
    assert_eq!(nothing, Ok(json!({"buffer": "a", "array": "depth"})));
    for two in [
        json!({"buffer": "a", "array": "depth", "layer": "beauty"}),
        json!({"buffer": "a", "layer": "depth", "pass": "beauty"}),
        json!({"buffer": "a", "max_edge": 64, "maxEdge": 65}),
    ] {
        let error = of("view_image", two.clone()).expect_err("one of them is dropped");
        assert!(
            error.contains("which has another value here: give one of them"),
            "{two}: {error}"
        );
    }
}
