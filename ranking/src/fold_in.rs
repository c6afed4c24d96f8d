//! Fold-in: the factors of one user from ratings, with the item factors held fixed, and the contribution of each rating to a
//! score.
//!
//! A user's factors are the solution of the system below, times 1 less the share of popularity, and that share as the last
//! factor: an item's last factor is its popularity. The fewer ratings, the larger the share; a user without ratings has
//! popularity alone. Where there are no shares, items have no such factor. Both functions solve the system of the batch's
//! last pass over the users:
//!
//! ```text
//! A x = sum over the ratings of weight * preference * q,   A = diag(gram) + ridge (n + unobserved) I + sum of weight * q q^T
//! ```
//!
//! In the basis of the stored item factors their Gram matrix is diagonal, so that the diagonal of A is a good
//! preconditioner: conjugate gradients take some ten steps (Takács, Pilászy, Tikk, RecSys 2011). A step costs 2 n k
//! multiplications for n ratings and k factors; nothing costs k^3. The batch solves for many users by the same method.

use pulp::Arch;
use store::records::UserTerms;

use crate::activity::slice_of;
use crate::preference::Preference;
use crate::vector::{add_scaled, divide, dot};

/// The maximum number of steps. Rounding in f32 ends the iteration before.
const MOST_STEPS: usize = 100;
/// The residual at which the iteration ends, as a share of the right-hand side, in the norm of the preconditioner.
const TOLERANCE: f32 = 1e-6;

/// The system of one user.
#[derive(Debug)]
pub struct FoldIn {
    /// By rating, `sqrt(weight) q` (n_ratings x n_factors, row-major).
    rows: Vec<f32>,
    /// By rating, `sqrt(weight) * preference` (n_ratings).
    targets: Vec<f32>,
    /// The diagonal of A without ratings: `gram + ridge (n + unobserved)` (n_factors).
    base: Vec<f32>,
    /// The diagonal of A (n_factors).
    diagonal: Vec<f32>,
    /// The share of popularity in a score; `None` if items have no factor for it.
    popularity: Option<f32>,
}

impl FoldIn {
    /// Builds the system of a user from pairs of the factors of a rated item and its rating in stars. Costs one pass over
    /// them.
    #[must_use]
    pub fn new<'a>(terms: &UserTerms, ratings: impl ExactSizeIterator<Item = (&'a [f32], f32)>) -> Self {
        let n = ratings.len() as f32;
        let root = ((1.0 + n).powf(-terms.activity_discount) / terms.mean_activity).sqrt();
        let pull = terms.ridge * (n + terms.unobserved);
        let base: Vec<f32> = terms.gram.iter().map(|squares| squares + pull).collect();
        let preference = Preference::from(terms);
        let (mut rows, mut targets) = (Vec::with_capacity(ratings.len() * base.len()), Vec::new());
        let mut diagonal = base.clone();
        let slice = slice_of(ratings.len());
        let popularity = match terms.popularity_shares.as_slice() {
            [] => None,
            shares => Some(slice.and_then(|slice| shares.get(slice).copied()).unwrap_or(1.0)),
        };
        for (factors, stars) in ratings {
            let factors = &factors[..factors.len().min(base.len())];
            rows.extend(factors.iter().map(|factor| root * factor));
            targets.push(root * preference.of(stars));
            for (square, factor) in diagonal.iter_mut().zip(factors) {
                *square += root * root * factor * factor;
            }
        }
        Self { rows, targets, base, diagonal, popularity }
    }

    /// The factors of the user: n_factors numbers, zeros without ratings, and the share of popularity if there is one.
    #[must_use]
    pub fn factors(&self) -> Vec<f32> {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let mut right = vec![0.0; self.base.len()];
                for (row, &target) in self.rows().zip(&self.targets) {
                    add_scaled(&mut right, target, row);
                }
                let mut factors = self.solve(right);
                if let Some(share) = self.popularity {
                    factors.iter_mut().for_each(|factor| *factor *= 1.0 - share);
                    factors.push(share);
                }
                factors
            },
        )
    }

    /// The contribution of each rating to the personal part of the score of an item with these factors (n_ratings). That
    /// part, of which popularity may take a share, is their sum:
    /// `score = q . x = sum over ratings of weight * preference * (q_r . A^-1 q)` (Hu, Koren, Volinsky: "Collaborative
    /// Filtering for Implicit Feedback Datasets", ICDM 2008, section 5).
    #[must_use]
    pub fn contributions(&self, item: &[f32]) -> Vec<f32> {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let solved = self.solve(item[..item.len().min(self.base.len())].to_vec());
                self.rows().zip(&self.targets).map(|(row, target)| target * dot(row, &solved)).collect()
            },
        )
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.rows.chunks_exact(self.base.len().max(1))
    }

    /// Solves A x = b for the right-hand side b, passed as the first residual.
    #[inline(always)]
    fn solve(&self, mut residual: Vec<f32>) -> Vec<f32> {
        let k = residual.len();
        let (mut x, mut image) = (vec![0.0; k], vec![0.0; k]);
        let mut direction = vec![0.0; k];
        divide(&residual, &self.diagonal, &mut direction);
        let mut gain = dot(&residual, &direction);
        let enough = gain * TOLERANCE * TOLERANCE;
        for _ in 0..MOST_STEPS {
            self.apply(&direction, &mut image);
            let curvature = dot(&direction, &image);
            if gain <= enough || curvature < f32::MIN_POSITIVE {
                break;
            }
            add_scaled(&mut x, gain / curvature, &direction);
            add_scaled(&mut residual, -gain / curvature, &image);
            divide(&residual, &self.diagonal, &mut image);
            let next = dot(&residual, &image);
            for (direction, image) in direction.iter_mut().zip(&image) {
                *direction = image + next / gain * *direction;
            }
            gain = next;
        }
        x
    }

    /// `image = A direction`.
    #[inline(always)]
    fn apply(&self, direction: &[f32], image: &mut [f32]) {
        for ((image, base), direction) in image.iter_mut().zip(&self.base).zip(direction) {
            *image = base * direction;
        }
        for row in self.rows() {
            add_scaled(image, dot(row, direction), row);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(gram: Vec<f32>) -> UserTerms {
        UserTerms {
            min: 0.5,
            max: 5.0,
            floor: 0.1,
            midpoint: 0.55,
            steepness: 5.5,
            activity_discount: 0.25,
            mean_activity: 0.4,
            ridge: 0.05,
            unobserved: 3.0,
            gram,
            popularity_shares: Vec::new(),
        }
    }

    /// A x in f64.
    fn image(terms: &UserTerms, rated: &[(Vec<f32>, f32)], x: &[f32]) -> Vec<f64> {
        let n = rated.len() as f64;
        let weight = weight(terms, rated.len());
        let pull = f64::from(terms.ridge) * (n + f64::from(terms.unobserved));
        let mut image: Vec<f64> =
            x.iter().zip(&terms.gram).map(|(&x, &gram)| f64::from(x) * (f64::from(gram) + pull)).collect();
        for (q, _) in rated {
            let product: f64 = q.iter().zip(x).map(|(&q, &x)| f64::from(q) * f64::from(x)).sum();
            image.iter_mut().zip(q).for_each(|(image, &q)| *image += weight * product * f64::from(q));
        }
        image
    }

    fn weight(terms: &UserTerms, n: usize) -> f64 {
        (1.0 + n as f64).powf(-f64::from(terms.activity_discount)) / f64::from(terms.mean_activity)
    }

    proptest! {
        #[test]
        fn the_factors_solve_the_normal_equations_and_contributions_add_up_to_the_score(
            k in 1usize..40,
            numbers in prop::collection::vec(-1.0f32..1.0, 40 * 61),
            stars in prop::collection::vec(0.5f32..5.0, 0..60),
        ) {
            let terms = terms(numbers[..k].iter().map(|x| x.abs()).collect());
            let rated: Vec<_> =
                stars.iter().zip(numbers[40..].chunks(40)).map(|(&stars, q)| (q[..k].to_vec(), stars)).collect();
            let system = FoldIn::new(&terms, rated.iter().map(|(q, stars)| (q.as_slice(), *stars)));
            let x = system.factors();

            let preference = Preference::from(&terms);
            let mut expected = vec![0.0; k];
            for (q, stars) in &rated {
                let target = weight(&terms, rated.len()) * f64::from(preference.of(*stars));
                expected.iter_mut().zip(q).for_each(|(sum, &q)| *sum += target * f64::from(q));
            }
            let size = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
            let found = image(&terms, &rated, &x);
            let error = found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            prop_assert!(error <= 1e-4 * size + 1e-9, "off by {error} of {size}");

            let item = &numbers[numbers.len() - k..];
            let score: f32 = item.iter().zip(&x).map(|(q, x)| q * x).sum();
            let contributions = system.contributions(item);
            prop_assert_eq!(contributions.len(), rated.len());
            let sum: f32 = contributions.iter().sum();
            let magnitude: f32 = contributions.iter().map(|part| part.abs()).sum();
            prop_assert!((sum - score).abs() <= 1e-4 * (1.0 + magnitude), "{sum} is not {score}");
        }
    }

    #[test]
    fn popularity_takes_the_share_of_the_users_slice_and_all_of_a_user_without_ratings() {
        let personal = terms(vec![1.0, 2.0]);
        let shared = UserTerms { popularity_shares: vec![0.75, 0.5, 0.25], ..personal.clone() };
        let rated = [([0.5, -0.5, 0.9], 4.0), ([0.1, 0.4, 0.3], 2.0)];
        for (n, share) in [(0, 1.0), (1, 0.75), (2, 0.5)] {
            let fold_in =
                |terms| FoldIn::new(terms, rated[..n].iter().map(|(q, stars)| (q.as_slice(), *stars)));
            let alone = fold_in(&personal).factors();
            assert_eq!(alone.len(), 2);
            let expected = [(1.0 - share) * alone[0], (1.0 - share) * alone[1], share];
            assert_eq!(fold_in(&shared).factors(), expected, "{n} ratings");
            let item = [0.3, 0.2, 0.7];
            assert_eq!(fold_in(&shared).contributions(&item), fold_in(&personal).contributions(&item[..2]));
        }
    }

    #[test]
    fn a_user_without_ratings_has_zero_factors() {
        let system = FoldIn::new(&terms(vec![1.0, 2.0]), [].into_iter());
        assert_eq!(system.factors(), [0.0, 0.0]);
        assert!(system.contributions(&[1.0, 1.0]).is_empty());
    }
}
