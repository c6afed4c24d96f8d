//! The layout of a summary: a label in the first column, its text in the second.

use std::fmt::Display;

use indicatif::HumanCount;

/// The width of the first column.
const LABEL: usize = 10;
/// The width of a count at the begin of the second.
const COUNT: usize = 12;

/// The lines of a summary in the making.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    /// Appends a line that begins with a label.
    pub(super) fn labeled(&mut self, label: &str, text: impl Display) {
        self.line(format!("{label:LABEL$}{text}"));
    }

    /// Appends a line that continues the labeled line before it.
    pub(super) fn continued(&mut self, text: impl Display) {
        self.labeled("", text);
    }

    /// Appends several lines, the first of which has a label.
    pub(super) fn list(&mut self, label: &str, texts: impl IntoIterator<Item = String>) {
        for (place, text) in texts.into_iter().enumerate() {
            self.labeled(if place == 0 { label } else { "" }, text);
        }
    }

    /// Appends a count and what it counts.
    pub(super) fn count(&mut self, count: u64, text: impl Display) {
        self.continued(format!("{:>COUNT$} {text}", HumanCount(count).to_string()));
    }

    /// Appends one line, whatever a title or a note in it contains, without spaces at its end.
    pub(super) fn line(&mut self, line: impl Display) {
        self.text.push_str(printable::line(line.to_string().trim_end()).as_ref());
        self.text.push('\n');
    }

    /// Appends an empty line.
    pub(super) fn blank(&mut self) {
        self.line("");
    }

    /// Returns the lines without the last line break.
    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

/// Returns a figure with a number of decimals, or a dash if it is not known.
pub(super) fn figure(figure: Option<f64>, decimals: usize) -> String {
    or_dash(figure.map(|figure| format!("{figure:.decimals$}")))
}

/// Returns a text, or a dash if there is none.
pub(super) fn or_dash(text: Option<impl Display>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_counts_and_lists_stand_in_columns() {
        let mut lines = Lines::default();
        lines.labeled("Read", "7 rows");
        lines.count(1234, "kept");
        lines.list("In", ["a".to_owned(), "b ".to_owned()]);
        lines.blank();
        assert_eq!(lines.finish(), "Read      7 rows\n                 1,234 kept\nIn        a\n          b");
        assert_eq!([figure(Some(0.1267), 2), figure(None, 2)], ["0.13", "-"]);
    }
}
