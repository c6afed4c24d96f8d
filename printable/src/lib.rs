//! Text from outside, in a form that is safe to print.
//!
//! Titles, notes, file names and error texts may contain characters that move the cursor of a terminal, forge a line of a
//! log or reverse the order of the letters around them. Each function replaces these by escapes of its format and leaves
//! all other text as it is. The places that print call it: the log, the end of a program, summaries, JSON, the report,
//! the metrics, and CSV files.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns text for one line: line breaks, tabs and all other characters that do not print become `\n`, `\t`, `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    replace(text, is_printing, rust_escape)
}

/// Returns text of several lines, in which only the line breaks `\n` are left.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    replace(text, |c| c == '\n' || is_printing(c), rust_escape)
}

/// Returns a JSON document without the characters that JSON allows and that do not print. They occur in strings only,
/// and become `\u202e`.
#[must_use]
pub fn json(document: &str) -> Cow<'_, str> {
    let is_kept = |c| matches!(c, '\n' | '\t' | '\r') || is_printing(c);
    replace(document, is_kept, |escaped, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A `String` accepts every write, here and below.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    })
}

/// Returns text as a TOML string with its quotes.
#[must_use]
pub fn toml_string(text: &str) -> String {
    let is_kept = |c| !matches!(c, '"' | '\\') && is_printing(c);
    let escaped = replace(text, is_kept, |escaped, c| {
        let _ = match c {
            '"' | '\\' => write!(escaped, "\\{c}"),
            _ => write!(escaped, "\\U{:08X}", u32::from(c)),
        };
    });
    format!("\"{escaped}\"")
}

/// Returns text for a cell of a CSV file, on one line. A cell that a spreadsheet would compute as a formula begins with `'`,
/// as OWASP advises: one that begins with `=`, `+`, `-`, `@`, their full-width forms, or a character that is escaped.
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let is_formula =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') || !is_printing(c);
    if text.trim_start_matches(' ').starts_with(is_formula) {
        Cow::Owned(format!("'{}", line(text)))
    } else {
        line(text)
    }
}

fn rust_escape(escaped: &mut String, c: char) {
    let _ = match c {
        '\n' => escaped.write_str("\\n"),
        '\r' => escaped.write_str("\\r"),
        '\t' => escaped.write_str("\\t"),
        _ => write!(escaped, "\\u{{{:x}}}", u32::from(c)),
    };
}

fn replace(text: &str, is_kept: impl Fn(char) -> bool, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if text.chars().all(&is_kept) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_kept(c) {
            escaped.push(c);
        } else {
            escape(&mut escaped, c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character prints: all but controls, line separators, formats without a glyph, such as bidirectional controls
/// and spaces of no width, and private and unassigned ones. The joiners U+200C and U+200D and the selectors U+FE00 to
/// U+FE0F print, since Persian, Indic scripts and emoji need them.
fn is_printing(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..)
        // The last two of each plane are no characters.
        && u32::from(c) & 0xfffe != 0xfffe
        && !('\u{fdd0}'..='\u{fdef}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character of each kind that does not print.
    const HOSTILE: &str = "a\0\u{7}\u{8}\t\n\u{b}\r\u{1b}[2J\u{7f}\u{85}\u{9b}31m\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{3164}\u{e000}\u{feff}\u{fff9}\u{ffff}\u{e0041}\u{10ffff}z";

    /// Titles that are to be printed as they are.
    const HONEST: [&str; 6] = [
        "Amélie (2001)",
        "Ame\u{301}lie",
        "七人の侍\u{3000}(1954)",
        "می\u{200c}خواهم",
        "👩\u{200d}🚀 ❤\u{fe0f}",
        "50\u{a0}% \\ 'quoted' \"so\"",
    ];

    #[test]
    fn no_format_lets_a_character_pass_that_does_not_print() {
        let lines_of = HOSTILE.replace('\n', "");
        for printed in [line(HOSTILE), lines(&lines_of), csv_cell(HOSTILE), toml_string(HOSTILE).into()] {
            assert!(printed.chars().all(is_printing), "{printed:?}");
            assert!(printed.starts_with(['a', '"', '\'']) && printed.trim_end_matches('"').ends_with('z'));
        }
        assert_eq!(line("a\tb\nc\u{1b}[31m\u{202e}"), "a\\tb\\nc\\u{1b}[31m\\u{202e}");
        assert_eq!(lines("a\n\u{9b}b"), "a\n\\u{9b}b");
    }

    #[test]
    fn text_that_prints_is_left_as_it_is() {
        for text in HONEST {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(lines(text), Cow::Borrowed(_)) && matches!(json(text), Cow::Borrowed(_)));
            assert_eq!(csv_cell(text), text);
        }
    }

    #[test]
    fn json_and_toml_have_the_same_value_after_their_escapes() {
        assert_eq!(
            json("{\"a\":\n \"\u{202e}\u{9b}\u{e0041}\"}"),
            "{\"a\":\n \"\\u202e\\u009b\\udb40\\udc41\"}"
        );
        assert_eq!(toml_string("a\"b\\c\n\u{e0041}é"), "\"a\\\"b\\\\c\\U0000000A\\U000E0041é\"");
    }

    #[test]
    fn a_cell_that_a_spreadsheet_would_compute_begins_with_an_apostrophe() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-6.0,1", "'-6.0,1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("\n=1", "'\\n=1"),
            ("＝1", "'＝1"),
            ("1,=2", "1,=2"),
            ("a-b", "a-b"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
