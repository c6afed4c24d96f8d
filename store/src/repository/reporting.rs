//! Where the report of a night is put: beside the generations, for a night that was refused as well. Nothing reads it
//! but people.

use std::path::PathBuf;

use super::Repository;
use crate::error::Result;
use crate::ids::GenerationId;
use crate::layout::{self, REPORTS};

/// The way to the newest report, under a name that stays.
const LATEST: &str = "latest.html";

impl Repository {
    /// Writes the report of a generation, a page of HTML, and lets `latest.html` lead there; whoever reads either sees
    /// it whole. A report says of users what they have rated, so there is one of it, which goes with the
    /// generation when that is [removed](Repository::remove). Returns where it is, for people.
    ///
    /// # Errors
    /// As [`Repository::pointer`]. The generation is none the worse for it.
    pub fn put_report(&self, id: &GenerationId, page: &[u8]) -> Result<PathBuf> {
        let key = layout::report_key(id);
        self.objects.write(&key, page)?;
        let leads_there = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>The newest report</title>\
             <meta http-equiv=\"refresh\" content=\"0; url={id}.html\"><a href=\"{id}.html\">The newest report</a>\n"
        );
        self.objects.write(&format!("{REPORTS}/{LATEST}"), leads_there.as_bytes())?;
        Ok(self.objects.path(&key))
    }
}
