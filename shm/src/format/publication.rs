//! The number that a file was published under: its place in the order of the store.

/// The largest number. More are never taken, so a file that says more is damaged.
pub(crate) const LAST_NUMBER: u64 = 1 << 62;
/// The word of a file whose maker may be taking a number just now.
const PENDING: u64 = u64::MAX;

/// What a header says of the publication of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Publication {
    /// The file has no number yet, or was made by a program that knew of none.
    #[default]
    Unnumbered,
    /// The maker of the file takes a number for it just now, or was killed when it did.
    Pending,
    /// The file has this number.
    Number(u64),
}

impl Publication {
    /// What a word of a header means; nothing if it is one that no program writes.
    pub(super) fn of_word(word: u64) -> Option<Self> {
        match word {
            0 => Some(Self::Unnumbered),
            1..=LAST_NUMBER => Some(Self::Number(word)),
            PENDING => Some(Self::Pending),
            _ => None,
        }
    }

    /// The word that says it in a header.
    pub(crate) fn word(self) -> u64 {
        match self {
            Self::Unnumbered => 0,
            Self::Pending => PENDING,
            Self::Number(number) => number,
        }
    }

    /// The number; 0 if there is none.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Unnumbered | Self::Pending => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_others_are_refused() {
        for publication in [
            Publication::Unnumbered,
            Publication::Pending,
            Publication::Number(1),
            Publication::Number(LAST_NUMBER),
        ] {
            assert_eq!(Publication::of_word(publication.word()), Some(publication));
        }
        for word in [LAST_NUMBER + 1, 1 << 63, PENDING - 1] {
            assert_eq!(Publication::of_word(word), None, "{word}");
        }
    }
}
