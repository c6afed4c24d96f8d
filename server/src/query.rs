//! What a request asks for, read from its query string.
//!
//! Every parameter is given at most once and is exactly what it should be, or the request is refused with
//! a sentence about it. Parameters that a route does not know are ignored, as the replaced system did.

use std::borrow::Cow;

use store::UserId;

use crate::problem::{Problem, shortened};

/// What `/recommendations` is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// For whom.
    pub(crate) user: UserId,
    /// How many movies, at least one; whether so many are stored, the generation tells.
    pub(crate) n: u32,
    /// Whether with titles and genres.
    pub(crate) metadata: bool,
}

/// How many movies where the request does not say.
const USUAL_N: u32 = 2;

impl Wanted {
    /// Reads `user_id`, `n` and `returnMetadata`.
    pub(crate) fn parse(query: &str) -> Result<Self, Problem> {
        Ok(Self { user: user_id(query)?, n: n(query)?, metadata: return_metadata(query)? })
    }
}

/// Reads `user_id`, which every lookup needs.
pub(crate) fn user_id(query: &str) -> Result<UserId, Problem> {
    const EXPECTED: &str = "give a whole number from 0 to 4294967295, as in user_id=18";
    match single(query, "user_id")? {
        Some(text) => whole_number(&text).map(UserId).ok_or_else(|| unfit("user_id", &text, EXPECTED)),
        None => Err(Problem::bad_request(format!("user_id is missing; {EXPECTED}"))),
    }
}

fn n(query: &str) -> Result<u32, Problem> {
    const EXPECTED: &str = "give a whole number from 1 to the length of the stored lists, as in n=10";
    match single(query, "n")? {
        Some(text) => whole_number(&text).filter(|&n| n > 0).ok_or_else(|| unfit("n", &text, EXPECTED)),
        None => Ok(USUAL_N),
    }
}

fn return_metadata(query: &str) -> Result<bool, Problem> {
    match single(query, "returnMetadata")? {
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => Err(unfit("returnMetadata", &text, "give true or false")),
        None => Ok(false),
    }
}

/// The value of a parameter, `None` where it is not given.
fn single<'q>(query: &'q str, name: &str) -> Result<Option<Cow<'q, str>>, Problem> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(first), Some(second)) => {
            let (first, second) = (shortened(&first), shortened(&second));
            let detail = format!("{name} was given as `{first}` and again as `{second}`; give it once");
            Err(Problem::bad_request(detail))
        }
        (value, _) => Ok(value),
    }
}

/// Digits and nothing else: `u32::from_str` would also take a plus.
fn whole_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn unfit(name: &str, given: &str, expected: &str) -> Problem {
    Problem::bad_request(format!("{name} was given as `{}`; {expected}", shortened(given)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detail(problem: Problem) -> String {
        String::from_utf8(problem.into_response().into_body()).unwrap()
    }

    #[test]
    fn two_movies_without_metadata_are_the_usual() {
        let wanted = Wanted { user: UserId(18), n: 2, metadata: false };
        assert_eq!(Wanted::parse("user_id=18").unwrap(), wanted);
        assert_eq!(Wanted::parse("verbose=1&user_id=18&&user=3&returnMetadata=FALSE").unwrap(), wanted);
    }

    #[test]
    fn values_may_be_escaped_and_true_be_of_any_case() {
        let wanted = Wanted { user: UserId(u32::MAX), n: 10, metadata: true };
        assert_eq!(Wanted::parse("user%5Fid=%34294967295&n=%310&returnMetadata=tRuE").unwrap(), wanted);
    }

    #[test]
    fn a_user_id_that_is_no_whole_number_is_refused_by_name() {
        for text in ["", "-1", "%2B1", "1.0", "4294967296", "0x12", "18%20", "eighteen", "%D9%A1", "%FF"] {
            let problem = detail(user_id(&format!("user_id={text}")).unwrap_err());
            assert!(problem.contains("user_id was given as `"), "{text}: {problem}");
        }
    }

    #[test]
    fn a_missing_parameter_is_named_and_a_repeated_one_shown() {
        assert!(detail(user_id("").unwrap_err()).contains("user_id is missing"));
        assert!(detail(user_id("USER_ID=18").unwrap_err()).contains("user_id is missing"));
        let problem = detail(user_id("user_id=18&user_id=19").unwrap_err());
        assert!(problem.contains("`18` and again as `19`"), "{problem}");
    }

    #[test]
    fn n_is_at_least_one_and_return_metadata_is_yes_or_no() {
        for query in ["n=0", "n=", "n=-3", "n=two", "n=1&n=1", "returnMetadata=", "returnMetadata=1"] {
            let problem = detail(Wanted::parse(&format!("user_id=18&{query}")).unwrap_err());
            assert!(problem.contains(query.split_once('=').unwrap().0), "{query}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn every_user_is_read_as_written(id in any::<u32>()) {
            prop_assert_eq!(user_id(&format!("user_id={id}")).unwrap(), UserId(id));
        }

        #[test]
        fn no_query_panics(query in ".*") {
            let _ = Wanted::parse(&query);
        }
    }
}
