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

pub(super) fn all() -> Vec<Tool> {
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

pub(super) fn object(value: Value) -> JsonObject {
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
