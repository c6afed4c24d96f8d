//! Arrays in the format of NumPy: little-endian f32, i32 and i64, up to two dimensions, row-major.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// The shape and the bytes of an array whose type is one of `kinds`.
fn array(path: &Path, kinds: &[&str]) -> (Vec<usize>, Vec<u8>) {
    let bytes = fs::read(path).expect("the array can be read");
    assert_eq!(&bytes[..7], b"\x93NUMPY\x01", "{} is not an array of numpy's", path.display());
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let head = String::from_utf8_lossy(&bytes[10..start]).into_owned();
    assert!(kinds.iter().any(|kind| head.contains(kind)), "{}: {head}, not {kinds:?}", path.display());
    assert!(head.contains("'fortran_order': False"), "{} has columns first", path.display());
    let shape = head.split(['(', ')']).nth(1).expect("a shape");
    let shape = shape.split(',').filter_map(|length| length.trim().parse().ok()).collect();
    (shape, bytes[start..].to_vec())
}

/// Reads a matrix: its number of columns, and its numbers, row-major.
pub(crate) fn matrix(path: &Path) -> (usize, Vec<f32>) {
    let (shape, bytes) = array(path, &["<f4"]);
    (shape[1], bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

/// Reads indices of 32 bits.
pub(crate) fn indices(path: &Path) -> Vec<u32> {
    let (_, bytes) = array(path, &["<i4", "<u4"]);
    bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
}

/// Reads offsets of 64 bits.
pub(crate) fn offsets(path: &Path) -> Vec<usize> {
    let (_, bytes) = array(path, &["<i8", "<u8"]);
    bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes) as usize).collect()
}

/// Writes integers of 32 bits as a matrix, row-major.
pub(crate) fn save(path: &Path, shape: (usize, usize), numbers: impl Iterator<Item = i32>) {
    let head = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape:?}, }}");
    // The header ends in a line break and takes a multiple of 64 bytes.
    let width = (10 + head.len() + 1).next_multiple_of(64) - 11;
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(width as u16 + 1).to_le_bytes())?;
        writeln!(file, "{head:width$}")?;
        numbers.into_iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
        file.flush()
    };
    write().expect("the array can be written");
}
