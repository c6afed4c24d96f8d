//! The bytes of a CSV file below the level of rows and numbers.

use std::borrow::Cow;

/// The byte order mark that some programs write before UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The characters of a rejected row that are kept.
const EXCERPT: usize = 200;

/// Removes blanks and one pair of quotes around a cell.
pub(crate) fn unquote(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    match cell {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => cell,
    }
}

/// The text of a cell: without blanks and quotes around it, and with one quote for two in a cell in quotes.
pub(super) fn text_of(cell: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(unquote(cell));
    if text.contains("\"\"") { Cow::Owned(text.replace("\"\"", "\"")) } else { text }
}

/// Counts line breaks.
pub(super) fn count_newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// The first 200 characters of a rejected row.
pub(super) fn excerpt(row: &[u8]) -> String {
    // A character has at most four bytes; one that is cut in half comes after the last that is kept.
    let start = &row[..row.len().min(4 * EXCERPT + 4)];
    String::from_utf8_lossy(start).trim_end_matches(['\r', '\n']).chars().take(EXCERPT).collect()
}
