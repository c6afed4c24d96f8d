//! Text as it is compared: without case, and without other differences that a reader does not see.
//!
//! Two texts are compared by comparing what is returned for them. Case folding and normalization are those of Unicode.

use std::borrow::Cow;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A text without case: `Drama` and `DRAMA` give the same, and so do `é` as one character and as two.
pub(crate) fn caseless(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return ascii_caseless(text);
    }
    let decomposed: String = text.nfkd().collect();
    // A folded character may be one that decomposes.
    UniCase::new(decomposed).to_folded_case().nfkd().collect()
}

/// A text without case and marks, for a search: `Amélie` and `amelie` give the same.
pub(crate) fn searchable(text: &str) -> Cow<'_, str> {
    fn without_marks(text: &str) -> String {
        text.nfkd().filter(|&letter| !is_combining_mark(letter)).collect()
    }

    if text.is_ascii() {
        return ascii_caseless(text);
    }
    // A folded letter may have a mark again.
    without_marks(&UniCase::new(without_marks(text)).to_folded_case()).into()
}

fn ascii_caseless(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_case_alone_are_equal() {
        for (one, other) in [
            ("Drama", "dRAMA"),
            ("Sci-Fi", "SCI-FI"),
            ("Комедия", "КОМЕДИЯ"),
            ("Épopée", "E\u{301}POPE\u{301}E"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬁlm", "FILM"),
            ("\u{130}", "i\u{307}"),
        ] {
            assert_eq!(caseless(one), caseless(other), "{one} {other}");
            assert_eq!(searchable(one), searchable(other), "{one} {other}");
        }
        for (one, other) in [("Drama", "Dramas"), ("Été", "Ete"), ("", "a")] {
            assert_ne!(caseless(one), caseless(other), "{one} {other}");
        }
    }

    #[test]
    fn marks_are_no_difference_in_a_search() {
        for (one, other) in [
            ("Amélie", "amelie"),
            ("Léon", "LE\u{301}ON"),
            ("Ναύτης", "ναυτησ"),
            ("\u{130}stanbul", "istanbul"),
            ("Việt", "viet"),
            ("ᾼ", "α"),
        ] {
            assert_eq!(searchable(one), searchable(other), "{one} {other}");
        }
        for (one, other) in [("Amélie", "Amelia"), ("Øre", "Ore")] {
            assert_ne!(searchable(one), searchable(other), "{one} {other}");
        }
    }
}
