//! What is near to a text that nothing has as its name.

use std::fmt::{self, Display};

use dcc_mcp_shm::Reference;
use dcc_mcp_shm_view::text::Quoted;
use uuid::Uuid;

use crate::likeness::{SEPARATORS, distance, fold, most_like};

/// Fewest digits of an id that stand for it.
const SHORTEST_ID: usize = 6;
/// Most candidates that an error names.
pub(super) const MAX_TOLD: usize = 5;
/// Digits of an id.
const ID_DIGITS: usize = 32;
/// Most digits of an id that may be wrong, missing or too many for it to be told.
const MOST_SLIPS_IN_ID: usize = 3;

/// A buffer or pool, as an error names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    id: Uuid,
    name: Option<String>,
}

impl Known {
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn new(id: Uuid, name: Option<&str>) -> Self {
        Self {
            id,
            name: name.map(str::to_owned),
        }
    }

    pub(super) fn reference(&self) -> Reference {
        self.id.into()
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// What it is called: its name, or else its id.
    pub(super) fn called(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }
}

impl Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", Quoted(name), self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Near {
    One(Known),
    Several(Vec<Known>),
    /// Nothing can be meant; these are spelled likewise.
    None(Vec<Known>),
}

impl Near {
    /// Looks for what is meant by `wanted`: a name in another case, else the last part of a name or the beginning of an id.
    pub(super) fn find(wanted: &str, known: &[Known], ids: &[Uuid]) -> Self {
        let folded = fold(wanted);
        let named = |is_meant: &dyn Fn(&str) -> bool| -> Vec<Known> {
            let name = |known: &&Known| known.name.as_deref().is_some_and(|name| is_meant(&fold(name)));
            known.iter().filter(name).cloned().collect()
        };
        let same = named(&|name| name == folded);
        if !same.is_empty() {
            return Self::of(same);
        }
        let mut found = named(&|name| is_last_part(name, &folded));
        if let Some(digits) = beginning_of_id(wanted) {
            for &id in ids.iter().filter(|id| id.simple().to_string().starts_with(&digits)) {
                if !found.iter().any(|other| other.id == id) {
                    found.push(of_id(id, known));
                }
            }
        }
        if found.is_empty() {
            return Self::None(nearest(wanted, known, ids));
        }
        Self::of(found)
    }

    fn of(mut found: Vec<Known>) -> Self {
        if found.len() == 1 {
            return Self::One(found.remove(0));
        }
        Self::Several(found)
    }
}

/// Whether a text is more like the beginning of an id than like a name: its digits are not all letters.
pub(super) fn is_part_of_id(text: &str) -> bool {
    beginning_of_id(text).is_some_and(|digits| digits.len() >= 8 && digits.bytes().any(|digit| digit.is_ascii_digit()))
}

/// The digits of a text that may begin an id.
fn beginning_of_id(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(['…', '.', '*', '-']);
    let is_id = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let digits = text.replace('-', "").to_ascii_lowercase();
    (is_id && (SHORTEST_ID..=ID_DIGITS).contains(&digits.len())).then_some(digits)
}

fn is_last_part(name: &str, wanted: &str) -> bool {
    let before = name.strip_suffix(wanted.trim_start_matches(SEPARATORS));
    !wanted.is_empty() && before.is_some_and(|before| before.ends_with(SEPARATORS))
}

/// Those that are spelled most like a text, if any are.
fn nearest(wanted: &str, known: &[Known], ids: &[Uuid]) -> Vec<Known> {
    let digits = wanted.trim().replace('-', "").to_ascii_lowercase();
    let is_whole = digits.len().abs_diff(ID_DIGITS) <= MOST_SLIPS_IN_ID;
    if is_whole && digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        let all = ids
            .iter()
            .map(|id| (distance(&digits, &id.simple().to_string(), MOST_SLIPS_IN_ID), id));
        let mut near: Vec<_> = all.filter(|(apart, _)| *apart <= MOST_SLIPS_IN_ID).collect();
        near.sort();
        return near
            .into_iter()
            .take(MAX_TOLD)
            .map(|(_, id)| of_id(*id, known))
            .collect();
    }
    let names = known.iter().filter_map(|known| Some((known.name.as_deref()?, known)));
    most_like(wanted, names, MAX_TOLD).into_iter().cloned().collect()
}

fn of_id(id: Uuid, known: &[Known]) -> Known {
    let found = known.iter().find(|known| known.id == id);
    found.cloned().unwrap_or_else(|| Known::new(id, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Vec<Known> {
        let numbered = names.iter().enumerate();
        numbered
            .map(|(at, name)| Known::new(Uuid::from_u128((at as u128 + 1) << 96), Some(name)))
            .collect()
    }

    fn ids(known: &[Known]) -> Vec<Uuid> {
        known.iter().map(|known| known.id).collect()
    }

    #[test]
    fn case_and_last_part_find_the_one_there_is() {
        let there = known(&["Hero", "set/Chair.001", "|group1|pCube1", "ns:body"]);
        for (wanted, found) in [
            ("hero", 0),
            ("HERO", 0),
            ("chair.001", 1),
            ("/Chair.001", 1),
            ("SET/CHAIR.001", 1),
            ("pcube1", 2),
            ("group1|pCube1", 2),
            ("Body", 3),
        ] {
            assert_eq!(
                Near::find(wanted, &there, &ids(&there)),
                Near::One(there[found].clone()),
                "{wanted}"
            );
        }
    }

    #[test]
    fn the_beginning_of_an_id_finds_it_from_six_digits_on() {
        let there = [Known::new(
            Uuid::from_u128(0x5a0c_7b16_0b5c_4b43_9a3f_3f6a_3e3b_1f10),
            None,
        )];
        let find = |wanted| Near::find(wanted, &there, &ids(&there));
        for wanted in [
            "5a0c7b",
            "5A0C7B16",
            "5a0c7b16-0b5c",
            "5a0c7b16…",
            "5a0c7b16-...",
            "5a0c7b160b5c4b439a3f3f6a3e3b1f1",
        ] {
            assert_eq!(find(wanted), Near::One(there[0].clone()), "{wanted}");
        }
        for wanted in ["5a0c7", "5a0c7c", "0c7b16", "5a0c7b16-zz"] {
            assert_eq!(find(wanted), Near::None(Vec::new()), "{wanted}");
        }
    }

    #[test]
    fn what_may_be_several_is_none_of_them() {
        let there = known(&["Hero", "hErO", "a/body", "b/body"]);
        assert_eq!(
            Near::find("hero", &there, &ids(&there)),
            Near::Several(there[..2].to_vec())
        );
        assert_eq!(
            Near::find("body", &there, &ids(&there)),
            Near::Several(there[2..].to_vec())
        );
    }

    #[test]
    fn a_slip_finds_nothing_but_is_told() {
        let there = known(&["hero_body", "set/chair", "lamp"]);
        for (wanted, near) in [
            ("hero_bdoy", 0),
            ("herobody", 0),
            ("hero_bodi", 0),
            ("chairs", 1),
            ("hero", 0),
            ("old lamp", 2),
        ] {
            assert_eq!(
                Near::find(wanted, &there, &ids(&there)),
                Near::None(vec![there[near].clone()]),
                "{wanted}"
            );
        }
        assert_eq!(Near::find("nope", &there, &ids(&there)), Near::None(Vec::new()));
        assert_eq!(Near::find("", &there, &ids(&there)), Near::None(Vec::new()));
    }
}
