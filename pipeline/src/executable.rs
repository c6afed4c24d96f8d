//! The identity of the executable file of this process.

use store::manifest::FileDigest;

/// Returns the digest of this program, which changes with every change of the code. It is empty if the system does not
/// name the program's file.
#[must_use]
pub fn program_digest() -> String {
    let digest = std::env::current_exe().ok().and_then(|path| FileDigest::of(&path).ok());
    digest.map(|digest| digest.blake3).unwrap_or_default()
}
