//! What a request says in its query string, parameter by parameter.
//!
//! Every parameter is given at most once, is one that the route knows, and is exactly what it should be, or the request
//! is refused with a sentence about each that is not. A route takes its parameters one after the other and
//! [`Parameters::finish`] decides.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::problem::{Fault, Problem, shortened};

/// The most parameters of a request: more than any route knows.
const MOST: usize = 64;

/// What a user's id is, for messages.
pub(crate) const USER_ID: &str = "give a whole number from 0 to 4294967295, as in user_id=18";

/// The parameters that were given and not yet taken, and what was wrong with the others.
#[derive(Debug)]
pub(crate) struct Parameters<'q> {
    given: Vec<(Cow<'q, str>, Cow<'q, str>)>,
    faults: Vec<Fault>,
}

impl<'q> Parameters<'q> {
    /// Takes a query apart. What is beyond [`MOST`] is not looked at: each parameter is looked for among all.
    pub(crate) fn of(query: &'q str) -> Self {
        let given: Vec<_> = if query.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            form_urlencoded::parse(query.as_bytes()).take(MOST + 1).collect()
        } else {
            // Nothing is escaped, as in nearly all requests: then this is the same.
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            let pair = |pair: &'q str| pair.split_once('=').unwrap_or((pair, ""));
            pairs.take(MOST + 1).map(pair).map(|(name, value)| (name.into(), value.into())).collect()
        };
        if given.len() > MOST {
            let detail = format!("has more than {MOST} parameters; each is given once");
            return Self { given: Vec::new(), faults: vec![Fault::new("the query", detail)] };
        }
        Self { given, faults: Vec::new() }
    }

    /// Whether all that was given was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The value of a parameter; `None` where it is not given.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Cow<'q, str>> {
        let place = self.given.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.given.swap_remove(place);
        while let Some(place) = self.given.iter().position(|(key, _)| key == name) {
            let (_, again) = self.given.swap_remove(place);
            let (first, again) = (shortened(&value), shortened(&again));
            let detail = format!("was given as `{first}` and again as `{again}`; give it once");
            self.faults.push(Fault::new(name, detail));
        }
        Some(value)
    }

    /// A whole number of a range.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
        expected: &str,
    ) -> Option<u32> {
        let text = self.take(name)?;
        let number = whole_number(&text).filter(|number| range.contains(number));
        if number.is_none() {
            self.unfit(name, &text, expected);
        }
        number
    }

    /// A whole number that must be given. Where it is not, or is none, the request is refused in the end.
    pub(crate) fn required(&mut self, name: &'static str, expected: &str) -> u32 {
        self.number(name, 0..=u32::MAX, expected).unwrap_or_else(|| {
            self.missing(name, expected);
            0
        })
    }

    /// Whole numbers between commas, at most so many.
    pub(crate) fn numbers(&mut self, name: &'static str, most: usize, expected: &str) -> Option<Vec<u32>> {
        let text = self.take(name)?;
        let numbers: Option<Vec<_>> = text.split(',').take(most + 1).map(whole_number).collect();
        match numbers {
            Some(numbers) if numbers.len() <= most => Some(numbers),
            Some(_) => {
                let detail = format!("names more than {most}; ask again for the rest");
                self.faults.push(Fault::new(name, detail));
                None
            }
            None => {
                self.unfit(name, &text, expected);
                None
            }
        }
    }

    /// Words between commas, at most so many.
    pub(crate) fn words(&mut self, name: &'static str, most: usize, expected: &str) -> Vec<String> {
        let Some(text) = self.take(name) else { return Vec::new() };
        let words: Vec<String> = text.split(',').take(most + 1).map(|word| word.trim().to_owned()).collect();
        if words.iter().any(String::is_empty) {
            self.unfit(name, &text, expected);
        }
        if words.len() > most {
            self.faults.push(Fault::new(name, format!("names more than {most}")));
        }
        words
    }

    /// `true` or `false`, in any case; not given is `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        match self.take(name) {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                self.unfit(name, &text, "give true or false");
                false
            }
        }
    }

    /// Notes that a parameter must be given and is not.
    pub(crate) fn missing(&mut self, name: &'static str, expected: &str) {
        if self.faults.iter().all(|fault| fault.parameter != name) {
            self.faults.push(Fault::new(name, format!("is missing; {expected}")));
        }
    }

    /// Notes what a parameter is and what it should be.
    pub(crate) fn unfit(&mut self, name: &'static str, given: &str, expected: &str) {
        self.faults.push(Fault::new(name, format!("was given as `{}`; {expected}", shortened(given))));
    }

    /// Refuses the request if anything was wrong, or is left: `known` says what the route takes.
    pub(crate) fn finish(mut self, known: impl Display) -> Result<(), Problem> {
        for (name, _) in self.given {
            // `&&` and a `&` at the end leave parameters without a name or a value, which say nothing.
            if !name.is_empty() {
                self.faults.push(Fault::unknown(&name, &known));
            }
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::bad_parameters(self.faults)) }
    }
}

/// Digits and nothing else: `u32::from_str` would also take a plus.
pub(crate) fn whole_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detail(parameters: Parameters<'_>) -> String {
        String::from_utf8(parameters.finish("a and b").unwrap_err().into_response().into_body()).unwrap()
    }

    #[test]
    fn values_may_be_escaped_and_true_be_of_any_case() {
        let mut given =
            Parameters::of("user%5Fid=%34294967295&&x=1,2,%33&words=Sci-Fi,Film%20Noir&flag=tRuE&");
        assert_eq!(given.number("user_id", 0..=u32::MAX, ""), Some(u32::MAX));
        assert_eq!(given.numbers("x", 3, ""), Some(vec![1, 2, 3]));
        assert_eq!(given.words("words", 2, ""), ["Sci-Fi", "Film Noir"]);
        assert!(given.flag("flag") && !given.flag("other"));
        given.finish("").unwrap();
    }

    proptest! {
        #[test]
        fn what_is_not_escaped_is_read_as_what_is(query in "[a-z0-9=&,._~;:@/?-]{0,60}") {
            let decoded: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            prop_assert_eq!(Parameters::of(&query).given, decoded);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_in_one_answer() {
        let mut given = Parameters::of("a=x&b=1&b=2&colour=red&flag=1");
        assert_eq!(given.number("a", 0..=9, "give a digit"), None);
        given.take("b");
        given.flag("flag");
        given.missing("c", "give c");
        given.missing("a", "never said, for it is given");
        let detail = detail(given);
        for part in [
            "a was given as `x`; give a digit",
            "b was given as `1` and again as `2`",
            "c is missing; give c",
        ] {
            assert!(detail.contains(part), "{detail}");
        }
        assert!(detail.contains("colour is unknown; this route takes a and b"), "{detail}");
        assert!(detail.contains("flag was given as `1`; give true or false"), "{detail}");
        assert!(!detail.contains("never said"), "{detail}");
    }

    #[test]
    fn a_query_of_very_many_parameters_is_refused_without_reading_them() {
        let most: Vec<_> = (0..MOST).map(|number| format!("p{number}=1")).collect();
        assert_eq!(Parameters::of(&most.join("&")).given.len(), MOST);
        for query in ["user_id=1&".repeat(MOST + 1), "a=%31&".repeat(10_000), "x&".repeat(10_000)] {
            let mut given = Parameters::of(&query);
            assert_eq!(given.take("user_id"), None);
            let detail = detail(given);
            assert!(detail.contains("the query has more than 64 parameters"), "{detail}");
            assert!(detail.len() < 300, "{detail}");
        }
    }

    #[test]
    fn lists_have_a_limit_and_no_gaps() {
        let mut given = Parameters::of("few=1,2&many=1,2,3&gap=1,,2&words=a,,b&long=a,b,c");
        assert_eq!(given.numbers("few", 2, ""), Some(vec![1, 2]));
        assert_eq!(given.numbers("many", 2, ""), None);
        assert_eq!(given.numbers("gap", 9, "give numbers"), None);
        given.words("words", 3, "give words");
        given.words("long", 2, "give words");
        let detail = detail(given);
        assert!(detail.contains("many names more than 2"), "{detail}");
        assert!(detail.contains("gap was given as `1,,2`; give numbers"), "{detail}");
        assert!(detail.contains("words was given as `a,,b`; give words"), "{detail}");
        assert!(detail.contains("long names more than 2"), "{detail}");
    }

    #[test]
    fn a_number_is_made_of_digits_alone() {
        for text in ["", "-1", "+1", "1.0", "4294967296", "0x12", "18 ", "eighteen", "\u{661}"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
        assert_eq!(whole_number("018"), Some(18));
    }
}
