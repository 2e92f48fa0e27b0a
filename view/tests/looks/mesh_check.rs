//! What is said of a mesh's edges, faces and points, against a plain model.

use std::collections::{BTreeMap, HashMap, HashSet};

use dcc_mcp_shm::SceneDataKind;
use proptest::prelude::*;
use serde_json::json;

use crate::scenes::{Array, Scenes, doubles, integers, singles};

/// What a model finds, in the order in which it is said.
fn model(points: &[[f32; 3]], faces: &[Vec<i32>]) -> [usize; 11] {
    let mut counts = [0; 11];
    let mut edges: BTreeMap<(i32, i32), Vec<bool>> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut used = HashSet::new();
    for face in faces {
        counts[face.len().min(5) - 3] += 1;
        for (index, &from) in face.iter().enumerate() {
            let to = face[(index + 1) % face.len()];
            used.insert(from);
            if from != to {
                edges.entry((from.min(to), from.max(to))).or_default().push(from < to);
            }
        }
        let different: HashSet<_> = face.iter().collect();
        let place = |corner: i32| points[corner as usize].map(f64::from);
        let cross = |a: [f64; 3], b: [f64; 3]| {
            [
                a[1] * b[2] - a[2] * b[1],
                a[2] * b[0] - a[0] * b[2],
                a[0] * b[1] - a[1] * b[0],
            ]
        };
        let mut sum = [0.0; 3];
        for pair in face.windows(2) {
            let part = cross(place(pair[0]), place(pair[1]));
            sum = [0, 1, 2].map(|axis| sum[axis] + part[axis]);
        }
        let part = cross(place(face[face.len() - 1]), place(face[0]));
        sum = [0, 1, 2].map(|axis| sum[axis] + part[axis]);
        let has_nan = face.iter().any(|&corner| !points[corner as usize][0].is_finite());
        let no_area = sum.iter().all(|value| value.abs() < 1e-9);
        counts[6] += usize::from(!has_nan && (different.len() < face.len() || no_area));
        let mut sorted = face.clone();
        sorted.sort_unstable();
        counts[7] += usize::from(!seen.insert(sorted));
    }
    for sides in edges.values() {
        counts[3] += usize::from(sides.len() == 1);
        counts[4] += usize::from(sides.len() > 2);
        counts[5] += usize::from(sides.len() == 2 && sides[0] == sides[1]);
    }
    counts[8] = points.len() - used.len();
    let mut places: HashMap<[u32; 3], usize> = HashMap::new();
    for point in points.iter().filter(|point| point[0].is_finite()) {
        *places.entry(point.map(|value| (value + 0.0).to_bits())).or_default() += 1;
    }
    counts[9] = places.values().map(|count| count - 1).sum();
    counts[10] = points.iter().filter(|point| !point[0].is_finite()).count();
    counts
}

fn said(counts: [usize; 11]) -> String {
    let [
        triangles,
        quads,
        ngons,
        border,
        non_manifold,
        inconsistent,
        degenerate,
        faces,
        unused,
        points,
        nan,
    ] = counts;
    let kinds = [(triangles, "triangle"), (quads, "quad"), (ngons, "n-gon")];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let plural = |count| if count == 1 { "" } else { "s" };
    let kinds: Vec<_> = kinds
        .map(|&(count, kind)| format!("{count} {kind}{}", plural(count)))
        .collect();
    format!(
        "All checked: {}; edges: {border} border, {non_manifold} non-manifold, {inconsistent} flipped; faces: {degenerate} \
         degenerate, {faces} duplicate; points: {unused} unused, {points} duplicate, {nan} non-finite",
        kinds.join(", ")
    )
}

proptest! {
    #![proptest_config(crate::properties::config(150))]
    #[test]
    fn what_is_said_of_a_mesh_is_what_a_model_finds(
        places in prop::collection::vec([0_i8..3, 0_i8..3, 0_i8..3, 0_i8..24], 4..9),
        corners in prop::collection::vec(prop::collection::vec(0_usize..9, 3..6), 1..14),
        form in 0_usize..3,
        compress in any::<bool>(),
    ) {
        let points: Vec<[f32; 3]> = places.iter().map(|&[x, y, z, nan]| {
            let lost = match nan {
                0 | 1 => f32::NAN,
                2 => f32::INFINITY,
                3 => f32::NEG_INFINITY,
                _ => return [x, y, z].map(f32::from),
            };
            [lost, f32::from(y), f32::from(z)]
        }).collect();
        let faces: Vec<Vec<i32>> = corners.iter().map(|face| {
            let face = if form == 2 { &face[..3] } else { face };
            face.iter().map(|corner| (corner % points.len()) as i32).collect()
        }).collect();
        let expected = said(model(&points, &faces));
        let flat: Vec<i32> = faces.concat();
        let shapes = ([points.len() as u64, 3], [flat.len() as u64], [faces.len() as u64], [faces.len() as u64, 3]);
        let position: Array<'_> = ("position", "<f4", &shapes.0, singles(points.concat()));
        let starts = faces.iter().scan(0, |end, face| {
            let start = *end;
            *end += face.len() as i32;
            Some(start)
        });
        let arrays: Vec<Array<'_>> = match form {
            0 => vec![position, ("corner_vert", "<i4", &shapes.1, integers(flat.clone())),
                ("face_size", "<i4", &shapes.2, integers(faces.iter().map(|face| face.len() as i32)))],
            1 => vec![position, ("corner_vert", "<i4", &shapes.1, integers(flat.clone())),
                ("face_start", "<i4", &shapes.2, integers(starts))],
            _ => vec![position, ("corner_vert", "<i4", &shapes.3, integers(flat.clone()))],
        };
        let scenes = Scenes::new();
        let scene = scenes.put_compressed(SceneDataKind::Geometry, json!({}), &arrays, compress);
        let (_, text) = scenes.describe(&scene);
        prop_assert!(text.contains(&expected), "{expected}\n{text}");
    }
}

/// A triangle and a quad, whole; each change makes it one that `dcc_mcp_shm.mesh` refuses.
fn whole() -> Vec<Array<'static>> {
    let square = [
        0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0,
    ];
    vec![
        ("position", "<f4", &[5, 3], singles(square)),
        ("corner_vert", "<i4", &[7], integers([0, 1, 2, 3, 1, 4, 2])),
        ("face_start", "<i4", &[2], integers([0, 4])),
        ("edge_verts", "<i4", &[2, 2], integers([0, 1, 1, 4])),
        ("normal", "<f4", &[5, 3], singles([0.0; 15])),
        ("material", "<i4", &[2], integers([0, 1])),
        ("uv", "<f4", &[7, 2], singles([0.0; 14])),
        ("color", "<f4", &[7, 4], singles([0.0; 28])),
    ]
}

#[test]
fn a_mesh_that_the_library_refuses_is_not_called_clean() {
    let scenes = Scenes::new();
    let said = |arrays: &[Array<'_>]| {
        scenes
            .describe(&scenes.put(SceneDataKind::Geometry, json!({}), arrays))
            .1
    };
    let text = said(&whole());
    let clean = "All checked: 1 triangle, 1 quad; edges: 5 border, 0 non-manifold, 0 flipped; faces: 0 degenerate, \
                 0 duplicate; points: 0 unused, 0 duplicate, 0 non-finite\n";
    assert!(
        text.contains(clean) && !text.contains("refuse") && !text.contains("Damaged"),
        "{text}"
    );
    let changes: [(Array<'_>, &str); 15] = [
        (("face_start", "<i4", &[1], integers([3])), "3 loose corners"),
        (
            ("face_start", "<i4", &[2, 1], integers([0, 4])),
            "\"face_start\" has the shape [2, 1], not [2]",
        ),
        (
            ("face_start", "<f4", &[2], singles([0.0, 4.0])),
            "\"face_start\" is of type <f4",
        ),
        (
            ("face_size", "<i4", &[2], integers([3, 4])),
            "\"face_start\" says other faces",
        ),
        (
            ("edge_verts", "<i4", &[2, 2], integers([0, 1, 7, 8])),
            "\"edge_verts\" has points that are none of the 5",
        ),
        (
            ("edge_verts", "<i4", &[2, 2], integers([0, -1, 1, 2])),
            "\"edge_verts\" has points",
        ),
        (
            ("edge_verts", "<i4", &[4], integers([0, 1, 1, 2])),
            "\"edge_verts\" has the shape [4], not [4, 2]",
        ),
        (
            ("normal", "<f4", &[2, 3], singles([0.0; 6])),
            "\"normal\" has the shape [2, 3], not [5, 3] or [7, 3]",
        ),
        (
            ("uv", "<f4", &[2, 2], singles([0.0; 4])),
            "\"uv\" has the shape [2, 2], not [7, 2]",
        ),
        (("uv:b", "|b1", &[7, 2], vec![0; 14]), "\"uv:b\" is of type |b1"),
        (
            ("color", "<f4", &[7, 3], singles([0.0; 21])),
            "\"color\" has the shape [7, 3]",
        ),
        (
            ("material", "<i4", &[3], integers([0; 3])),
            "\"material\" has the shape [3], not [2]",
        ),
        (
            ("material", "<i4", &[2], integers([0, -1])),
            "\"material\" has negative numbers",
        ),
        (
            ("material", "<u4", &[2], integers([0, i32::MIN])),
            "\"material\" has negative numbers, or too large",
        ),
        (
            (
                "position",
                "<f8",
                &[5, 3],
                doubles((0..15).map(|at| 10_f64.powi(at * 3))),
            ),
            "beyond single precision",
        ),
    ];
    for ((name, dtype, shape, bytes), expected) in changes {
        let mut arrays = whole();
        arrays.retain(|(other, ..)| *other != name);
        arrays.push((name, dtype, shape, bytes));
        let text = said(&arrays);
        assert!(text.contains(expected) && !text.contains(clean), "{expected}\n{text}");
    }
}

#[test]
fn faces_of_any_size_have_an_area() {
    let scenes = Scenes::new();
    for scale in [1e-300, 1e-200, 1e-30, 1.0, 1e100, 1e300, f64::MAX] {
        for (height, degenerate) in [(1.0, 0), (0.0, 1)] {
            let corners = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0, height, 0.0].map(|value| value * scale);
            let arrays = [
                ("position", "<f8", &[3, 3][..], doubles(corners)),
                ("corner_vert", "<i4", &[1, 3][..], integers([0, 1, 2])),
            ];
            let (_, text) = scenes.describe(&scenes.put(SceneDataKind::Geometry, json!({}), &arrays));
            assert!(
                text.contains(&format!("faces: {degenerate} degenerate")),
                "{scale} {height}: {text}"
            );
        }
    }
}

#[test]
fn what_is_too_large_is_not_checked_and_never_called_clean() {
    let scenes = Scenes::new();
    let count = 7_000_000_u64;
    let arrays = [
        ("position", "<f2", &[count, 3][..], vec![0; 42_000_000]),
        ("corner_vert", "|u1", &[1, 3][..], vec![0, 1, 2]),
    ];
    let scene = scenes.put(SceneDataKind::Geometry, json!({}), &arrays);
    let (_, text) = scenes.describe(&scene);
    let expected = "Edges, faces and points were not checked: that would take more than 256.0 MiB of memory";
    assert!(text.contains(expected) && !text.contains("All checked"), "{text}");
}

#[test]
fn texture_coordinates_outside_of_the_square_are_named() {
    let scenes = Scenes::new();
    for (uv, said) in [
        ([0.0, 0.0, 1.0, 1.0], None),
        (
            [-0.25, 0.0, 1.0, 3.5],
            Some("\"uv:map\" lies outside of 0 to 1: u from -0.25 to 1.0, v from 0.0 to 3.5"),
        ),
    ] {
        let arrays = [
            (
                "position",
                "<f4",
                &[3, 3][..],
                singles([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            ),
            ("corner_vert", "<i4", &[3][..], integers([0, 1, 2])),
            ("uv:map", "<f4", &[2, 2][..], singles(uv)),
        ];
        let scene = scenes.put(SceneDataKind::Geometry, json!({}), &arrays);
        let (_, text) = scenes.describe(&scene);
        assert_eq!(text.contains("outside of 0 to 1"), said.is_some(), "{text}");
        assert!(said.is_none_or(|said| text.contains(said)), "{text}");
    }
}
