//! Where things lie in an output directory, and which generation it offers.
//!
//! ```text
//! output/CURRENT                           the published generation's name
//! output/generations/<id>/manifest.json    written last: a generation without it is not whole
//! output/generations/<id>/records/         a sled directory
//! output/generations/<id>/...              what else the run left (rejects.csv)
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ids::GenerationId;

/// The file that names the published generation.
pub const CURRENT: &str = "CURRENT";
/// The file that makes a generation whole.
pub const MANIFEST: &str = "manifest.json";
/// The sled directory of a generation.
pub const RECORDS: &str = "records";

/// The directory of a generation.
#[must_use]
pub fn generation_dir(output: &Path, id: &GenerationId) -> PathBuf {
    generations_dir(output).join(id.as_str())
}

/// The directory of all generations.
#[must_use]
pub fn generations_dir(output: &Path) -> PathBuf {
    output.join("generations")
}

/// The generation that `CURRENT` names; `None` while nothing was ever published.
///
/// # Errors
/// [`Error::BadCurrent`] where the file names nothing that could be one, [`Error::Io`].
pub fn current(output: &Path) -> Result<Option<GenerationId>> {
    let path = output.join(CURRENT);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("read", path)(e)),
    };
    match text.trim_end().parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(Error::BadCurrent { path, found: text.trim_end().chars().take(80).collect() }),
    }
}

/// Points `CURRENT` at a sealed generation: after it returns, that outlives a power cut.
///
/// # Errors
/// [`Error::Incomplete`] where the generation has no manifest, [`Error::Io`].
pub fn publish(output: &Path, id: &GenerationId) -> Result<()> {
    if !generation_dir(output, id).join(MANIFEST).is_file() {
        return Err(Error::Incomplete { generation: id.clone(), output: output.to_path_buf() });
    }
    replace(&output.join(CURRENT), format!("{id}\n").as_bytes())
}

/// Writes a file so that a reader, and a crash, sees either the old content or the new, never a part.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft).map_err(Error::io("create", &draft))?;
    file.write_all(content).map_err(Error::io("write", &draft))?;
    file.sync_all().map_err(Error::io("sync", &draft))?;
    fs::rename(&draft, path).map_err(Error::io("replace", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory outlive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}
