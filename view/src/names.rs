//! Which of several arrays or layers is meant by a word, and what a name says about the numbers in it.

use crate::text::letters;

/// Words that mean the same pass of a render. None of these passes is light.
const SAME: [&[&str]; 4] = [
    &["depth", "z", "zdepth", "depthz", "zbuffer"],
    &["normal", "normals", "n", "nrm", "norm"],
    &MOTION,
    &["position", "positions", "p", "worldposition", "pworld"],
];
const MOTION: [&str; 9] = [
    "motion",
    "motionvector",
    "motionvectors",
    "mv",
    "vector",
    "vectors",
    "velocity",
    "flow",
    "opticalflow",
];
/// Places on a texture.
const TEXTURE: [&str; 3] = ["uv", "uvs", "st"];
/// Other parts of names whose numbers are no light.
const OTHER_DATA: [&str; 15] = [
    "distance",
    "height",
    "displacement",
    "mask",
    "masks",
    "matte",
    "mattes",
    "tangent",
    "curvature",
    "thickness",
    "disparity",
    "heatmap",
    "sdf",
    "confidence",
    "weights",
];

/// The ones that a word means, by their places: one if it is clear, several if it is not.
pub(crate) fn meant(wanted: &str, names: &[String]) -> Vec<usize> {
    let wanted_letters = letters(wanted);
    let words = SAME.iter().find(|words| words.contains(&wanted_letters.as_str()));
    let same = words.into_iter().flat_map(|words| words.iter().copied());
    let others: Vec<&str> = same.chain(wanted_letters.strip_suffix('s')).collect();
    let is_same = |name: &str| others.contains(&letters(name).as_str());
    let holds = |name: &str, word: &str| word.len() > 2 && letters(name).contains(word);
    let tests: [&dyn Fn(&str) -> bool; 7] = [
        &|name| name == wanted,
        &|name| name.eq_ignore_ascii_case(wanted),
        &|name| !wanted_letters.is_empty() && letters(name) == wanted_letters,
        &|name| !wanted_letters.is_empty() && letters(last_part(name)) == wanted_letters,
        &|name| is_same(name) || is_same(last_part(name)),
        &|name| holds(name, &wanted_letters),
        &|name| others.iter().any(|word| holds(name, word)),
    ];
    let found = tests.iter().map(|is_meant| {
        let found = names.iter().enumerate().filter(|(_, name)| is_meant(name));
        found.map(|(place, _)| place).collect::<Vec<_>>()
    });
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// Whether a name says that numbers are a measure, a direction or a share, and no light.
pub(crate) fn is_of_data(name: &str) -> bool {
    SAME.iter().any(|words| has_part(name, words)) || has_part(name, &TEXTURE) || has_part(name, &OTHER_DATA)
}

/// Whether a name says that each pixel is a direction or a place on a picture: two numbers, and no grey with alpha.
pub(crate) fn is_of_vectors(name: &str) -> bool {
    has_part(name, &MOTION) || has_part(name, &TEXTURE)
}

/// Whether a part of a name, or several that follow each other, is one of some words.
pub(crate) fn has_part(name: &str, words: &[&str]) -> bool {
    let parts = parts(name);
    let is_word = |part: &str| words.contains(&part);
    parts.iter().any(|part| is_word(part)) || parts.windows(2).any(|pair| is_word(&pair.concat()))
}

/// The parts of a name in lower case: `motionVectors.X` is `motion`, `vectors` and `x`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_alphanumeric()
            || (c.is_uppercase() && before.is_lowercase())
            || c.is_numeric() != before.is_numeric();
        if begins {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            last.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', ':', '/']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_is_nearest() {
        let names = [
            "pixels",
            "ViewLayer.Depth",
            "ViewLayer.Normal",
            "ViewLayer.Vector",
            "diffuse_direct",
            "diffuse_color",
        ];
        let names = names.map(str::to_owned);
        for (wanted, expected) in [
            ("pixels", &[0][..]),
            ("PIXELS", &[0]),
            ("depth", &[1]),
            ("viewlayer.depth", &[1]),
            ("Z", &[1]),
            ("normals", &[2]),
            ("N", &[2]),
            ("motion vectors", &[3]),
            ("motion", &[3]),
            ("diffuse direct", &[4]),
            ("direct", &[4]),
            ("diffuse", &[4, 5]),
            ("ViewLayer", &[1, 2, 3]),
            ("viewlayer normals", &[2]),
            ("albedo", &[]),
            ("", &[]),
            ("..", &[]),
        ] {
            assert_eq!(meant(wanted, &names), expected, "{wanted}");
        }
    }

    #[test]
    fn every_word_for_a_pass_of_data_says_that_its_numbers_are_no_light() {
        let there = SAME.map(|words| words[0].to_owned());
        for (place, word) in SAME
            .iter()
            .enumerate()
            .flat_map(|(place, words)| words.iter().map(move |word| (place, word)))
        {
            assert_eq!(meant(word, &there), [place], "{word}");
            for name in [
                (*word).to_owned(),
                word.to_uppercase(),
                format!("ViewLayer.{word}"),
                format!("{word}_raw.X"),
            ] {
                assert!(is_of_data(&name), "{name}");
                assert_eq!(is_of_vectors(&name), place == 2, "{name}");
            }
        }
        for word in MOTION.iter().chain(&TEXTURE) {
            assert!(is_of_data(word) && is_of_vectors(word), "{word}");
        }
    }

    #[test]
    fn names_say_what_numbers_are() {
        for name in [
            "depth",
            "Z",
            "ViewLayer.Depth",
            "world_normal",
            "normalMap",
            "N",
            "motionVectors",
            "optical_flow",
            "uv0",
        ] {
            assert!(is_of_data(name), "{name}");
        }
        for name in ["pixels", "rgba", "beauty", "image", "lizard", "snapshot", "prefix"] {
            assert!(!is_of_data(name), "{name}");
        }
        assert!(is_of_vectors("motion_vectors") && is_of_vectors("flowXY") && !is_of_vectors("depth"));
    }
}
