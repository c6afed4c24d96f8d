//! The titles of a generation in lower case, to be searched: somebody who rates movies knows them by title.
//!
//! All titles are looked at, one after the other: 60,000 take a few milliseconds, no more than an index would be worth.
//! As much memory as the titles themselves.

use memchr::memmem::Finder;

/// The words of a search that are looked for: the longest.
const MOST_WORDS: usize = 8;

/// All titles, in lower case, in one piece.
#[derive(Debug, Default)]
pub(crate) struct Titles {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

/// How well a title answers a search. The lesser is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    /// All words are the beginnings of words.
    Beginnings,
    /// A word stands within another.
    Within,
}

impl Titles {
    /// Adds the next title.
    pub(crate) fn push(&mut self, title: &str) {
        self.text.extend(lower_case(title));
        self.ends.push(self.text.len());
    }

    /// The places of all titles in which every word of a text occurs, whatever the case; of very many words, the eight
    /// longest. Without words there are none.
    pub(crate) fn search(&self, text: &str) -> impl Iterator<Item = (usize, Match)> {
        let text: String = lower_case(text).collect();
        let mut words: Vec<_> = text.split_whitespace().collect();
        words.sort_unstable();
        words.dedup();
        // The longest is the rarest, mostly, and decides on most titles.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.truncate(MOST_WORDS);
        let finders: Vec<_> = words.into_iter().map(|word| Finder::new(word).into_owned()).collect();
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let titles = begins.zip(&self.ends).map(|(begin, &end)| &self.text[begin..end]);
        titles.enumerate().filter_map(move |(place, title)| Some((place, best_match(title, &finders)?)))
    }
}

/// Letter by letter: `str::to_lowercase` looks at the end of a word, where a search may stop before.
fn lower_case(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// How well a title answers; `None` where a word is not in it.
fn best_match(title: &str, words: &[Finder<'_>]) -> Option<Match> {
    let found = words.iter().map(|word| {
        let mut places = word.find_iter(title.as_bytes()).peekable();
        places.peek()?;
        let begins_word =
            |at: usize| !title[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric());
        Some(if places.any(begins_word) { Match::Beginnings } else { Match::Within })
    });
    // The worst of its words; of no word, nothing.
    let mut worst = None;
    for how in found {
        worst = worst.max(Some(how?));
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
    fn every_word_must_occur_and_beginnings_are_told_from_the_rest() {
        let titles = ["Star Wars (1977)", "Mustard War", "Wars of the Stars", "Starship", "L'Été (1968)", ""];
        use Match::{Beginnings, Within};
        for (text, found) in [
            ("star wars", &[(0, Beginnings), (2, Beginnings)][..]),
            ("  WAR\tstar ", &[(0, Beginnings), (1, Within), (2, Beginnings)]),
            ("star star", &[(0, Beginnings), (1, Within), (2, Beginnings), (3, Beginnings)]),
            ("(19", &[(0, Beginnings), (4, Beginnings)]),
            ("ÉTÉ", &[(4, Beginnings)]),
            ("té", &[(4, Within)]),
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
            let found: Vec<usize> = search(&given, &text).into_iter().map(|(place, _)| place).collect();
            let small = |text: &str| lower_case(text).collect::<String>();
            let text = small(&text);
            let words: Vec<_> = text.split_whitespace().collect();
            let contains = |title: &&str| words.iter().all(|word| small(title).contains(word));
            let expected: Vec<usize> = (0..given.len()).filter(|&at| !words.is_empty() && contains(&given[at])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
