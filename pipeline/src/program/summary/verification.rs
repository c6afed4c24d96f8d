//! The summary of `pipeline verify`.

use indicatif::HumanCount;
use pipeline::verify::Verification;

use super::lines::Lines;
use crate::program::invocation::Hints;

/// Faults that are listed; the others are counted.
const LISTED: usize = 10;

/// Returns what was checked and each fault that was found.
pub(crate) fn of_verification(verification: &Verification, hints: &Hints) -> String {
    let count = |n: usize| HumanCount(n as u64);
    let Verification { generation, users, users_verified, movies, entries, faults, denied, .. } =
        verification;
    let mut lines = Lines::default();
    lines.labeled("Opened", format!("{generation}: its files are what its manifest says"));
    let (scored, users, movies) = (count(*users_verified), count(*users), count(*movies));
    lines.labeled("Scored", format!("{scored} of {users} users again, {movies} movies each"));
    if let Some(denial) = denied {
        lines.labeled(if denial.found.is_none() { "Denied" } else { "Wrong" }, denial);
    }
    if verification.ok {
        let rounding = verification.largest_rounding;
        lines.labeled("Right", format!("all {} entries: unseen, complete and in order;", count(*entries)));
        lines.continued(format!("scores equal to the bit, within {rounding:.1e} of those in f64"));
        return lines.finish();
    }
    for fault in faults.iter().take(LISTED) {
        lines.labeled("Wrong", format!("user {}: {}", fault.user, fault.fault));
    }
    if faults.len() > LISTED {
        lines.continued(format!("and {} more users", count(faults.len() - LISTED)));
    }
    lines.continued("Do not serve this generation; publish another");
    lines.blank();
    let list = hints.command([&"generations"]);
    lines.line(format!("See all generations: {list}"));
    lines.finish()
}
