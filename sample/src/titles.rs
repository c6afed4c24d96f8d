//! Invented titles: `Crimson Harbor, The (1995)`.
//!
//! Titles are unique within a catalogue. Some have the article after a comma and so need quotes in CSV, and some have
//! letters beyond ASCII. They have a separate random stream, so ratings do not depend on them.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Stream, rng};

const ADJECTIVES: [&str; 48] = [
    "Amber",
    "Ancient",
    "Bitter",
    "Black",
    "Blue",
    "Borrowed",
    "Brave",
    "Broken",
    "Burning",
    "Crimson",
    "Crooked",
    "Distant",
    "Early",
    "Empty",
    "Endless",
    "Fading",
    "Final",
    "Forgotten",
    "Frozen",
    "Gentle",
    "Golden",
    "Hidden",
    "Hollow",
    "Honest",
    "Last",
    "Little",
    "Long",
    "Lost",
    "Lucky",
    "Midnight",
    "Naïve",
    "Northern",
    "Paper",
    "Perfect",
    "Quiet",
    "Reckless",
    "Red",
    "Restless",
    "Salt",
    "Second",
    "Secret",
    "Silent",
    "Silver",
    "Strange",
    "Sudden",
    "Velvet",
    "Wild",
    "Winter",
];

const NOUNS: [&str; 48] = [
    "Affair",
    "Angel",
    "Autumn",
    "Bridge",
    "Brothers",
    "Café",
    "Carnival",
    "Circus",
    "City",
    "Crossing",
    "Dawn",
    "Detective",
    "Dream",
    "Empire",
    "Express",
    "Fiancée",
    "Fire",
    "Forest",
    "Garden",
    "Ghost",
    "Harbor",
    "Heart",
    "Highway",
    "Horizon",
    "Hotel",
    "Hunter",
    "Island",
    "Journey",
    "Kingdom",
    "Lantern",
    "Letter",
    "Lighthouse",
    "Machine",
    "Mirror",
    "Mountain",
    "Night",
    "Ocean",
    "Orchard",
    "Promise",
    "River",
    "Shadow",
    "Stranger",
    "Summer",
    "Thief",
    "Train",
    "Voyage",
    "Widow",
    "Window",
];

/// Whole phrases and their articles, as MovieLens writes titles from elsewhere.
const FOREIGN: [(&str, &str); 12] = [
    ("Été sans fin", "L'"),
    ("Fiancé du hasard", "Le"),
    ("Forêt blanche", "La"),
    ("Años perdidos", "Los"),
    ("Niña del puente", "La"),
    ("Corazón de papel", "El"),
    ("Mädchen am Fluß", "Das"),
    ("Brücke im Nebel", "Die"),
    ("Città d'inverno", "La"),
    ("Coração do Sertão", ""),
    ("Łódź o świcie", ""),
    ("Ögonblick av ljus", ""),
];

/// A title, with its year in parentheses, for each year given.
pub(super) fn draw(seed: u64, years: impl Iterator<Item = u16>) -> impl Iterator<Item = String> {
    let mut rng = rng(seed, Stream::Titles);
    let mut taken: HashMap<(String, u16), u32> = HashMap::new();
    years.map(move |year| {
        let (name, article) = name(&mut rng);
        let times = taken.entry((name.clone(), year)).or_default();
        *times += 1;
        // No name ends in a number, so a numbered one is unique.
        let number = if *times > 1 { format!(" {times}") } else { String::new() };
        let article = if article.is_empty() { String::new() } else { format!(", {article}") };
        format!("{name}{number}{article} ({year})")
    })
}

/// A name and the article that follows it.
fn name(rng: &mut ChaCha8Rng) -> (String, &'static str) {
    let adjective = pick(&ADJECTIVES, rng);
    let noun = pick(&NOUNS, rng);
    let other = pick(&NOUNS, rng);
    match rng.random_range(0..100) {
        0..25 => (format!("{adjective} {noun}"), ""),
        25..50 => (format!("{adjective} {noun}"), "The"),
        50..60 => (format!("{noun} and {other}"), ""),
        60..72 => (format!("{noun} of the {adjective} {other}"), ""),
        72..82 => (format!("{noun} of the {other}"), "The"),
        82..90 => (format!("{adjective} {noun}: {other}"), ""),
        90..97 => (format!("{adjective} {noun} of the {other}"), "A"),
        _ => {
            let (phrase, article) = pick(&FOREIGN, rng);
            (phrase.to_owned(), article)
        }
    }
}

fn pick<T: Copy>(words: &[T], rng: &mut ChaCha8Rng) -> T {
    words[rng.random_range(0..words.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn titles_are_unique_within_a_year() {
        let titles: Vec<String> = draw(1, std::iter::repeat_n(1987, 20_000)).collect();
        assert_eq!(titles.iter().collect::<HashSet<_>>().len(), titles.len());
        assert!(titles.iter().all(|title| title.ends_with(" (1987)")));
    }

    #[test]
    fn some_titles_have_commas_and_some_letters_beyond_ascii() {
        let titles: Vec<String> = draw(1, std::iter::repeat_n(2001, 1_000)).collect();
        let count = |has: fn(&String) -> bool| titles.iter().filter(|title| has(title)).count();
        assert!((200..600).contains(&count(|title| title.contains(", "))));
        assert!((20..200).contains(&count(|title| !title.is_ascii())));
    }
}
