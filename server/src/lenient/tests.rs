//! Ways in which models have written arguments.

use serde_json::{Value, json};

use super::properties::{all, object};
use super::*;

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
