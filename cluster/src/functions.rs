//! The SQL functions of the plans: `user_factors`, `top_n` and `check_shard`. The scheduler and the client use their
//! names and types in plans. Only an executor has kernels and calls them.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, UInt32Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::columns::{
    Ragged, factors_column, factors_type, lists_column, lists_type, movies_type, numbers_type,
};
use crate::error::REFUSED;
use crate::kernels::{KernelError, Kernels, Rows, Seen, TableView};

/// Returns an error that the client recognizes as permanent.
pub(crate) fn refused(problem: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{REFUSED} {problem}"))
}

/// Ballista repeats a task only after an I/O error.
impl From<KernelError> for DataFusionError {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Transient(problem) => Self::IoError(io::Error::other(problem)),
            KernelError::Fatal(problem) => refused(&problem),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FunctionKind {
    UserFactors,
    TopN,
    CheckShard,
}

impl FunctionKind {
    pub(crate) const ALL: [Self; 3] = [Self::UserFactors, Self::TopN, Self::CheckShard];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::UserFactors => "user_factors",
            Self::TopN => "top_n",
            Self::CheckShard => "check_shard",
        }
    }

    /// Returns the types to which the arguments are converted. Input files may have other, convertible types.
    fn arguments(self) -> Vec<DataType> {
        match self {
            Self::UserFactors => vec![DataType::Utf8, movies_type(), numbers_type()],
            Self::TopN => vec![DataType::Utf8, factors_type(), movies_type()],
            Self::CheckShard => vec![DataType::Utf8],
        }
    }

    /// Returns the function. A scheduler and a client pass no kernels.
    pub(crate) fn function(self, kernels: Option<Arc<dyn Kernels>>) -> ScalarUDF {
        // Volatile: a planner must neither evaluate the call as a constant nor duplicate it.
        let signature = Signature::user_defined(Volatility::Volatile);
        ScalarUDF::new_from_impl(Function { kind: self, signature, kernels })
    }
}

/// Returns all functions.
pub(crate) fn functions(kernels: Option<&Arc<dyn Kernels>>) -> Vec<Arc<ScalarUDF>> {
    FunctionKind::ALL.map(|kind| Arc::new(kind.function(kernels.cloned()))).into()
}

#[derive(Debug)]
struct Function {
    kind: FunctionKind,
    signature: Signature,
    kernels: Option<Arc<dyn Kernels>>,
}

/// Functions are equal if their names are.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = self.kind.arguments();
        if given.len() != wanted.len() {
            return Err(DataFusionError::Plan(format!(
                "`{}` takes {} arguments, not {}",
                self.name(),
                wanted.len(),
                given.len()
            )));
        }
        Ok(wanted)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            FunctionKind::UserFactors => factors_type(),
            FunctionKind::TopN => lists_type(),
            FunctionKind::CheckShard => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(kernels) = &self.kernels else {
            return Err(DataFusionError::Internal(format!("`{}` runs only on an executor", self.name())));
        };
        let n_rows = arguments.number_rows;
        let mut given = arguments.args.into_iter();
        let Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(reference)))) = given.next() else {
            return Err(refused(&format!("the reference of `{}` is not a literal", self.name())));
        };
        let columns = given.map(|value| value.into_array(n_rows)).collect::<Result<Vec<_>>>()?;
        let column = match (self.kind, columns.as_slice()) {
            (FunctionKind::UserFactors, [movies, ratings]) => {
                user_factors(kernels.as_ref(), &reference, n_rows, movies, ratings)?
            }
            (FunctionKind::TopN, [factors, movies]) => {
                top_n(kernels.as_ref(), &reference, n_rows, factors, movies)?
            }
            (FunctionKind::CheckShard, []) => {
                let found = kernels.check(&reference)?;
                return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(found))));
            }
            _ => return Err(refused(&format!("`{}` has unexpected arguments", self.name()))),
        };
        Ok(ColumnarValue::Array(column))
    }
}

fn user_factors(
    kernels: &dyn Kernels,
    reference: &str,
    n_rows: usize,
    movies: &ArrayRef,
    ratings: &ArrayRef,
) -> Result<ArrayRef> {
    let movies = Ragged::<UInt32Type>::of("movies", movies)?;
    let ratings = Ragged::<Float32Type>::of("ratings", ratings)?;
    if movies.indptr != ratings.indptr {
        return Err(refused("the numbers of movies and ratings of a user differ"));
    }
    let users = Rows { indptr: &movies.indptr, movies: movies.values, ratings: ratings.values };
    factors_column(n_rows, kernels.user_factors(reference, users)?)
}

fn top_n(
    kernels: &dyn Kernels,
    reference: &str,
    n_rows: usize,
    factors: &ArrayRef,
    movies: &ArrayRef,
) -> Result<ArrayRef> {
    let Some([ranking, rating]) = factors.as_struct_opt().map(|factors| factors.columns()) else {
        return Err(refused("`factors` is not a struct of two tables"));
    };
    let ranking = Ragged::<Float32Type>::of("ranking", ranking)?;
    let rating = Ragged::<Float32Type>::of("rating", rating)?;
    let movies = Ragged::<UInt32Type>::of("movies", movies)?;
    let lists = kernels.top_n(
        reference,
        TableView { indptr: &ranking.indptr, values: ranking.values },
        TableView { indptr: &rating.indptr, values: rating.values },
        Seen { indptr: &movies.indptr, movies: movies.values },
    )?;
    lists_column(n_rows, lists)
}
