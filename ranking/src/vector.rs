//! Plain loops over vectors of equal length, in a fixed order. They are inlined, so that the compiler uses the instruction
//! set of the caller.

/// Partial sums of a dot product, as many as the widest vectors hold.
const LANES: usize = 16;

/// `product = a * b`, element by element.
#[inline(always)]
pub fn multiply(a: &[f32], b: &[f32], product: &mut [f32]) {
    product.iter_mut().zip(a).zip(b).for_each(|((product, a), b)| *product = a * b);
}

/// `quotient = a / b`, element by element.
#[inline(always)]
pub fn divide(a: &[f32], b: &[f32], quotient: &mut [f32]) {
    quotient.iter_mut().zip(a).zip(b).for_each(|((quotient, a), b)| *quotient = a / b);
}

/// `sum += factor * x`.
#[inline(always)]
pub fn add_scaled(sum: &mut [f32], factor: f32, x: &[f32]) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
}

/// The dot product of two vectors of equal length, in a fixed order.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}
