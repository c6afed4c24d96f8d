//! What a verification found, for people.

use std::fmt::{self, Write};

use indicatif::HumanCount;
use pipeline::verify::Verification;

/// What was checked, and what is wrong.
pub(crate) fn of_verification(verification: &Verification) -> Result<String, fmt::Error> {
    const SHOWN: usize = 10;
    let count = |n: usize| HumanCount(n as u64);
    let Verification { users, users_verified, movies, entries, faults, denied, .. } = verification;
    let mut text = String::new();
    writeln!(text, "Opened    {}: its files are what its manifest says", verification.generation)?;
    writeln!(
        text,
        "Scored    {} of {} users again, {} movies each",
        count(*users_verified),
        count(*users),
        count(*movies)
    )?;
    if let Some(denial) = denied {
        writeln!(text, "{}    {denial}", if denial.found.is_none() { "Denied" } else { "Wrong " })?;
    }
    if verification.ok {
        writeln!(text, "Right     all {} entries: unseen, complete and in order;", count(*entries))?;
        write!(
            text,
            "          scores equal to the bit, within {:.1e} of those in f64",
            verification.largest_rounding
        )?;
        return Ok(text);
    }
    for fault in faults.iter().take(SHOWN) {
        writeln!(text, "Wrong     user {}: {}", fault.user, fault.fault)?;
    }
    if let Some(more) = faults.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        writeln!(text, "          and {} users more", count(more))?;
    }
    write!(text, "          Do not serve it; publish another with `pipeline run`")?;
    Ok(text)
}
