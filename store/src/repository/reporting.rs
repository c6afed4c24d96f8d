//! Where the report of a night is put: beside the generations, for a night that was refused as well. Nothing reads it
//! but people.

use std::path::PathBuf;

use super::Repository;
use crate::error::Result;
use crate::ids::GenerationId;
use crate::layout::{self, REPORTS};

/// The newest report under a name that stays.
const LATEST: &str = "latest.html";

impl Repository {
    /// Writes the report of a generation, a page of HTML, and the same again as `latest.html`; whoever reads either
    /// sees it whole. It goes with the generation when that is [removed](Repository::remove). Returns where it is, for
    /// people.
    ///
    /// # Errors
    /// As [`Repository::pointer`]. The generation is none the worse for it.
    pub fn put_report(&self, id: &GenerationId, page: &[u8]) -> Result<PathBuf> {
        let key = layout::report_key(id);
        self.objects.write(&key, page)?;
        self.objects.write(&format!("{REPORTS}/{LATEST}"), page)?;
        Ok(self.objects.path(&key))
    }
}
