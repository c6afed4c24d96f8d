//! A query string as names and values.
//!
//! Input: the text behind the question mark. Output: values by name, each at most once, and one fault for each parameter
//! that is repeated, unknown or reported by the caller. `kind` interprets the values.

use std::borrow::Cow;

use crate::problem::{Fault, Problem, shortened};

/// The maximum number of parameters in a request; every route takes fewer.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request that have not been taken yet, and the faults of the others.
#[derive(Debug)]
pub(super) struct QueryString<'q> {
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
    faults: Vec<Fault>,
}

impl<'q> QueryString<'q> {
    /// Splits and decodes a query string. One with more than [`MAX_PARAMETERS`] parameters is a fault as a whole, because
    /// each parameter is searched for linearly.
    pub(super) fn parse(query: &'q str) -> Self {
        let pairs: Vec<_> = if query.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            form_urlencoded::parse(query.as_bytes()).take(MAX_PARAMETERS + 1).collect()
        } else {
            // Nearly no request has escapes; without them, splitting gives the same result.
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            let pair = |pair: &'q str| pair.split_once('=').unwrap_or((pair, ""));
            let pairs = pairs.take(MAX_PARAMETERS + 1).map(pair);
            pairs.map(|(name, value)| (name.into(), value.into())).collect()
        };
        if pairs.len() > MAX_PARAMETERS {
            let detail = format!("has more than {MAX_PARAMETERS} parameters; each is given once");
            return Self { pairs: Vec::new(), faults: vec![Fault::new("the query", detail)] };
        }
        Self { pairs, faults: Vec::new() }
    }

    /// Removes a parameter and returns its value; `None` where it is absent. A repetition is a fault.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Cow<'q, str>> {
        let at = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.swap_remove(at);
        while let Some(at) = self.pairs.iter().position(|(key, _)| key == name) {
            let (_, again) = self.pairs.swap_remove(at);
            let (first, again) = (shortened(&value), shortened(&again));
            let detail = format!("was given as `{first}` and again as `{again}`; give it once");
            self.fault(name, detail);
        }
        Some(value)
    }

    /// Records a fault of a parameter. `detail` continues a sentence that begins with the name.
    pub(super) fn fault(&mut self, name: &'static str, detail: String) {
        self.faults.push(Fault::new(name, detail));
    }

    /// Ends the reading of a query string.
    ///
    /// # Errors
    /// A problem that names all faults, and all parameters that were not taken; `known` lists what the route takes.
    pub(super) fn finish(mut self, known: impl FnOnce() -> String) -> Result<(), Problem> {
        // `&&` and a `&` at the end leave pairs without a name.
        self.pairs.retain(|(name, _)| !name.is_empty());
        if !self.pairs.is_empty() {
            let known = known();
            self.faults.extend(self.pairs.iter().map(|(name, _)| Fault::unknown(name, &known)));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::bad_parameters(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detail(query: QueryString<'_>) -> String {
        let problem = query.finish(|| "a and b".to_owned()).unwrap_err();
        String::from_utf8(problem.into_response().into_body()).unwrap()
    }

    #[test]
    fn names_and_values_may_be_escaped() {
        let mut query = QueryString::parse("user%5Fid=%34294967295&&words=Sci-Fi,Film%20Noir&flag=tRuE&");
        assert_eq!(query.take("user_id").as_deref(), Some("4294967295"));
        assert_eq!(query.take("words").as_deref(), Some("Sci-Fi,Film Noir"));
        assert_eq!(query.take("flag").as_deref(), Some("tRuE"));
        assert_eq!(query.take("other"), None);
        query.finish(String::new).unwrap();
    }

    proptest! {
        #[test]
        fn a_query_without_escapes_is_split_as_the_decoder_splits_it(query in "[a-z0-9=&,._~;:@/?-]{0,60}") {
            let decoded: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            prop_assert_eq!(QueryString::parse(&query).pairs, decoded);
        }
    }

    #[test]
    fn all_faults_are_named_in_one_answer() {
        let mut query = QueryString::parse("a=x&b=1&b=2&colour=red");
        query.take("a");
        query.fault("a", "was given as `x`; give a digit".to_owned());
        query.take("b");
        let detail = detail(query);
        for part in [
            "a was given as `x`; give a digit",
            "b was given as `1` and again as `2`",
            "colour is unknown; this route takes a and b",
        ] {
            assert!(detail.contains(part), "{detail}");
        }
    }

    #[test]
    fn a_query_of_very_many_parameters_is_refused_without_reading_them() {
        let most: Vec<_> = (0..MAX_PARAMETERS).map(|number| format!("p{number}=1")).collect();
        assert_eq!(QueryString::parse(&most.join("&")).pairs.len(), MAX_PARAMETERS);
        for query in ["user_id=1&".repeat(MAX_PARAMETERS + 1), "a=%31&".repeat(10_000), "x&".repeat(10_000)] {
            let mut query = QueryString::parse(&query);
            assert_eq!(query.take("user_id"), None);
            let detail = detail(query);
            assert!(detail.contains("the query has more than 64 parameters"), "{detail}");
            assert!(detail.len() < 300, "{detail}");
        }
    }
}
