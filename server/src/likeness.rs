//! How like two texts are, to name what may be meant by one that nothing has.

use dcc_mcp_shm::visible;

/// What the last part of a name follows: in paths, of Maya's nodes, and after a namespace.
pub(crate) const SEPARATORS: [char; 4] = ['/', '\\', '|', ':'];
/// Words that mean no one name, to which nothing is near.
const OF_NO_NAME: [&str; 6] = ["all", "any", "every", "everything", "none", "nothing"];

/// A text as it is compared: as it is shown, whatever its case.
pub(crate) fn fold(text: &str) -> String {
    visible(text).to_lowercase()
}

/// The names that are most like a text, nearest first, and at most `at_most` of them.
pub(crate) fn most_like<'a, T>(wanted: &str, named: impl Iterator<Item = (&'a str, T)>, at_most: usize) -> Vec<T> {
    let wanted = fold(wanted);
    let wanted = wanted.trim_matches(|c: char| c == '*' || c == '?' || c.is_whitespace());
    if OF_NO_NAME.contains(&wanted) {
        return Vec::new();
    }
    let length = wanted.chars().count();
    let most = length.div_ceil(3);
    let mut near = Vec::new();
    for (name, of) in named {
        let name = fold(name);
        let last = name.rsplit(SEPARATORS).next().unwrap_or_default();
        let contains =
            length > 2 && name.contains(wanted) || last.len() > 2 && wanted.contains(last) || has_words(&name, wanted);
        let apart = distance(wanted, &name, most).min(distance(wanted, last, most));
        // Of what has one letter or two, another one is something else.
        if contains || apart == 0 || length > 2 && apart <= most {
            let longer = [&*name, last].map(|name| name.chars().count().abs_diff(length));
            let longer = longer[0].min(longer[1]);
            near.push((if contains { apart.min(1) } else { apart }, longer, of));
        }
    }
    near.sort_by_key(|(apart, longer, _)| (*apart, *longer));
    near.into_iter().take(at_most).map(|(_, _, of)| of).collect()
}

/// Whether a name has all of several words, in any order.
fn has_words(name: &str, wanted: &str) -> bool {
    let words = |text| str::split(text, |c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words(wanted).nth(1).is_some() && words(wanted).all(|word| words(name).any(|own| own == word))
}

/// How many characters have to be put in, left out, replaced or swapped with the next, if no more than `most` have to.
pub(crate) fn distance(one: &str, other: &str, most: usize) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > most {
        return most + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, d) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(c != d);
            let mut fewest = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *c == other[j - 1] && one[i - 1] == *d {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like<'a>(wanted: &str, names: &[&'a str]) -> Vec<&'a str> {
        most_like(wanted, names.iter().map(|name| (*name, *name)), 5)
    }

    #[test]
    fn what_means_no_name_is_like_none() {
        let names = ["a", "ab", "ball", "fall_2", "lamp", "x.1"];
        for wanted in [
            "*",
            "**",
            "?",
            "",
            " ",
            "0",
            "b",
            "all",
            "ALL",
            "any",
            "everything",
            "-",
        ] {
            assert_eq!(like(wanted, &names), [""; 0], "{wanted:?}");
        }
    }

    #[test]
    fn the_most_like_comes_first() {
        let names = ["hero_nan", "hero_badindex", "set/hero", "hero"];
        assert_eq!(like("her", &names), ["set/hero", "hero", "hero_nan", "hero_badindex"]);
        assert_eq!(like("hero*", &names)[..2], ["set/hero", "hero"]);
        assert_eq!(like("HERO_NAM", &names)[0], "hero_nan");
        assert_eq!(like("Hero set", &names)[0], "set/hero");
    }

    #[test]
    fn distances_count_slips() {
        for (one, other, apart) in [
            ("", "", 0),
            ("a", "", 1),
            ("abc", "abd", 1),
            ("abc", "acb", 1),
            ("abc", "ca", 3),
            ("頭", "体", 1),
        ] {
            assert_eq!(distance(one, other, 3), apart, "{one} {other}");
        }
        assert_eq!(distance("abcdef", "", 2), 3, "more than that");
    }
}
