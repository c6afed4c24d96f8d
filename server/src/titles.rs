//! The search in titles.
//!
//! Input: the titles of a generation, in the order of their movies, and words to search for. Output: the positions of the
//! titles that contain all words, without regard to case and marks. All titles are scanned: 60,000 take a few milliseconds,
//! which does not justify an index. They take as much memory as the titles themselves.

use memchr::memmem::Finder;

use crate::caseless::searchable;

/// The maximum number of words in a search; of more, the longest are used.
const MAX_WORDS: usize = 8;

/// All titles without case and marks, joined.
#[derive(Debug, Default)]
pub(crate) struct Titles {
    text: String,
    /// The end of each title in the text.
    ends: Vec<usize>,
}

/// The quality of a match. The smaller is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    /// Each word is the start of a word of the title.
    WordStarts,
    /// A word occurs only within a word of the title.
    Substring,
}

impl Titles {
    /// Adds the next title.
    pub(crate) fn push(&mut self, title: &str) {
        self.text.push_str(&searchable(title));
        self.ends.push(self.text.len());
    }

    /// The positions of the titles that contain every word of a text, in any case and with any marks. A text of more than eight words is
    /// searched for by the eight longest; a text without words finds nothing.
    pub(crate) fn search(&self, text: &str) -> impl Iterator<Item = (usize, Match)> {
        let text = searchable(text);
        let mut words: Vec<_> = text.split_whitespace().collect();
        words.sort_unstable();
        words.dedup();
        // The longest word is mostly the rarest, and excludes most titles.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.truncate(MAX_WORDS);
        let finders: Vec<_> = words.into_iter().map(|word| Finder::new(word).into_owned()).collect();
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let titles = begins.zip(&self.ends).map(|(begin, &end)| &self.text[begin..end]);
        titles.enumerate().filter_map(move |(at, title)| Some((at, best_match(title, &finders)?)))
    }
}

/// The quality of a title's match; `None` where a word is not in it.
fn best_match(title: &str, words: &[Finder<'_>]) -> Option<Match> {
    let found = words.iter().map(|word| {
        let mut occurrences = word.find_iter(title.as_bytes()).peekable();
        occurrences.peek()?;
        let starts_word =
            |at: usize| !title[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric());
        Some(if occurrences.any(starts_word) { Match::WordStarts } else { Match::Substring })
    });
    // The worst word decides; without words there is no match.
    let mut worst = None;
    for quality in found {
        worst = worst.max(Some(quality?));
    }
    worst
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(titles: &[&str], text: &str) -> Vec<(usize, Match)> {
        let mut all = Titles::default();
        titles.iter().for_each(|title| all.push(title));
        all.search(text).collect()
    }

    #[test]
    fn every_word_must_occur_and_starts_of_words_are_distinguished() {
        let titles = ["Star Wars (1977)", "Mustard War", "Wars of the Stars", "Starship", "L'Été (1968)", ""];
        use Match::{Substring, WordStarts};
        for (text, found) in [
            ("star wars", &[(0, WordStarts), (2, WordStarts)][..]),
            ("  WAR\tstar ", &[(0, WordStarts), (1, Substring), (2, WordStarts)]),
            ("star star", &[(0, WordStarts), (1, Substring), (2, WordStarts), (3, WordStarts)]),
            ("(19", &[(0, WordStarts), (4, WordStarts)]),
            ("ÉTÉ", &[(4, WordStarts)]),
            ("te", &[(4, Substring)]),
            ("E\u{301}te", &[(4, WordStarts)]),
            ("star trek", &[]),
            ("", &[]),
            (" \t", &[]),
        ] {
            assert_eq!(search(&titles, text), found, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_finds_what_contains_its_words(titles in prop::collection::vec(".{0,12}", 0..8), text in ".{0,6}") {
            let given: Vec<&str> = titles.iter().map(String::as_str).collect();
            let found: Vec<usize> = search(&given, &text).into_iter().map(|(at, _)| at).collect();
            let text = searchable(&text);
            let words: Vec<_> = text.split_whitespace().collect();
            let contains = |title: &&str| words.iter().all(|word| searchable(title).contains(word));
            let expected: Vec<usize> = (0..given.len()).filter(|&at| !words.is_empty() && contains(&given[at])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
