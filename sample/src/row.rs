//! One row of `ratings.csv`.

/// The header of `ratings.csv`.
pub(super) const HEADER: &[u8] = b"userId,movieId,rating,timestamp\n";

/// A rating in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) user: u32,
    pub(super) movie: u32,
    /// The rating in half stars, 1 to 10.
    pub(super) half_stars: u8,
    /// Seconds since 1970.
    pub(super) timestamp: i64,
}

impl Row {
    /// Appends the row. `float_ids` writes 18 as `18.0`, as exports of tables with missing ids do.
    ///
    /// The digits are written without the formatting machinery, which would take most of the time for a rating.
    pub(super) fn write(&self, float_ids: bool, out: &mut Vec<u8>) {
        let end_of_id: &[u8] = if float_ids { b".0," } else { b"," };
        digits(u64::from(self.user), out);
        out.extend_from_slice(end_of_id);
        digits(u64::from(self.movie), out);
        out.extend_from_slice(end_of_id);
        out.extend_from_slice(&self.stars());
        out.push(b',');
        digits(self.timestamp.unsigned_abs(), out);
        out.push(b'\n');
    }

    /// The rating as text, `3.5`.
    pub(super) fn stars(&self) -> [u8; 3] {
        [b'0' + self.half_stars / 2, b'.', if self.half_stars.is_multiple_of(2) { b'0' } else { b'5' }]
    }
}

fn digits(mut number: u64, out: &mut Vec<u8>) {
    let mut text = [0u8; 20];
    let mut start = text.len();
    loop {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_format_of_movielens() {
        let row = Row { user: 18, movie: 209_171, half_stars: 7, timestamp: 1_574_327_703 };
        let mut out = Vec::new();
        row.write(false, &mut out);
        row.write(true, &mut out);
        assert_eq!(out, b"18,209171,3.5,1574327703\n18.0,209171.0,3.5,1574327703\n");
    }

    #[test]
    fn digits_equal_those_of_the_standard_library() {
        for number in [0, 7, 10, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            digits(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
