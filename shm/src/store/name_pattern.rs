//! Names by their form: `*` for any text, `?` for any one character.

/// Whether a name has the form of a pattern, in time that grows with the product of their lengths at most.
pub(super) fn is_like(name: &str, pattern: &str) -> bool {
    let (mut name, mut pattern) = (name.chars(), pattern.chars());
    // Behind the last star: what of the pattern follows it, and what of the name the star does not stand for yet.
    let mut behind_star = None;
    loop {
        let (mut rest_of_name, mut rest_of_pattern) = (name.clone(), pattern.clone());
        match (rest_of_name.next(), rest_of_pattern.next()) {
            (_, Some('*')) => {
                pattern = rest_of_pattern;
                behind_star = Some((pattern.clone(), name.clone()));
            }
            (Some(c), Some(wanted)) if wanted == '?' || c == wanted => {
                (name, pattern) = (rest_of_name, rest_of_pattern);
            }
            (None, None) => return true,
            // The last star stands for one more character, as all before it have what they need.
            _ => {
                let Some((after, unmatched)) = &mut behind_star else {
                    return false;
                };
                if unmatched.next().is_none() {
                    return false;
                }
                (name, pattern) = (unmatched.clone(), after.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, as plainly as can be.
    fn is_like_by_definition(name: &[char], pattern: &[char]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            (['*', rest @ ..], _) => (0..=name.len()).any(|skipped| is_like_by_definition(&name[skipped..], rest)),
            (['?', rest @ ..], [_, others @ ..]) => is_like_by_definition(others, rest),
            ([c, rest @ ..], [first, others @ ..]) => c == first && is_like_by_definition(others, rest),
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(crate::properties::config(2048))]

        #[test]
        fn a_name_is_like_what_the_definition_says(name in "[ab頭]{0,9}", pattern in "[ab頭*?]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = is_like_by_definition(&chars(&name), &chars(&pattern));
            prop_assert_eq!(is_like(&name, &pattern), expected);
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!is_like(&"a".repeat(255), &("a*".repeat(100) + "b")));
        assert!(is_like("shot/beauty.0101", "*beauty.????"));
    }
}
