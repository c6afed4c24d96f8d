//! The options of `pipeline config`.

use clap::Args;

use super::ScheduleArgs;
use super::generations::RetentionArgs;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Print a file with all settings of both programs as comments, with their defaults
    #[arg(long)]
    pub(crate) default: bool,
    /// The options of `schedule`, `run` and `prune`, whose settings are printed.
    #[command(flatten)]
    pub(crate) schedule: ScheduleArgs,
    #[command(flatten)]
    _retention: RetentionArgs,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use settings::{Origin, Setting};

    use crate::program::cli::Cli;

    /// Returns the settings of `pipeline config` without a file and an environment.
    fn settings(words: &[&str]) -> Vec<Setting> {
        let words = words.iter().map(Into::into).collect();
        let parsed =
            settings::parse_from::<Cli>(words, BTreeMap::new(), Path::new("/nowhere/recommender.toml"));
        settings::effective(&parsed.unwrap().unwrap().1)
    }

    #[test]
    fn the_file_of_defaults_has_every_setting_of_the_batch_at_its_default() {
        let found = settings(&["pipeline", "config"]);
        let keys: BTreeSet<_> = found.iter().map(|setting| setting.key.clone()).collect();
        let listed: BTreeSet<_> = settings::keys().filter(|key| !key.starts_with("server.")).collect();
        assert_eq!(keys, listed);
        for Setting { key, value, origin } in found {
            assert_eq!(origin, Origin::Default);
            let written = settings::written_default(&key);
            // The file does not know the directory for temporary files.
            let known = value.filter(|_| key != "batch.work_dir");
            let number = |text: &str| text.parse::<f64>().ok();
            match (&written, &known) {
                (Some(written), Some(value)) if number(value).is_some() => {
                    assert_eq!(number(written), number(value), "{key}");
                }
                _ => assert_eq!(written, known, "{key}"),
            }
        }
    }

    #[test]
    fn every_command_takes_its_settings_from_the_same_keys() {
        for command in ["run", "evaluate", "verify", "generations", "prune"] {
            let keys: BTreeSet<_> =
                settings(&["pipeline", command]).into_iter().map(|setting| setting.key).collect();
            assert!(keys.contains("batch.threads") && keys.len() > 1, "{command}: {keys:?}");
        }
        // Generated data has no input.
        let sample = settings(&["pipeline", "sample", "--users=1", "--movies=40", "--ratings=20", "--out=x"]);
        assert!(sample.iter().all(|setting| ["batch.threads", "log.format"].contains(&setting.key.as_str())));
    }
}
