//! The global options, looked up once: `run` takes the words of every day of every job, and the whole
//! command is large.

use super::command;
use clap::ArgAction;
use std::sync::LazyLock;

/// An option that every command takes.
#[derive(Debug)]
pub struct GlobalOption {
    /// Its long name with underscores.
    pub key: String,
    /// Its long name.
    pub long: String,
    /// It takes no value.
    pub is_flag: bool,
}

/// All of them.
pub fn global_options() -> &'static [GlobalOption] {
    static OPTIONS: LazyLock<Vec<GlobalOption>> = LazyLock::new(|| {
        let command = command();
        let options = command.get_arguments().filter_map(|arg| {
            Some(GlobalOption {
                key: arg.get_id().as_str().to_owned(),
                long: arg.get_long()?.to_owned(),
                is_flag: matches!(arg.get_action(), ArgAction::SetTrue),
            })
        });
        options.collect()
    });
    &OPTIONS
}

/// Whether every command takes an option.
pub fn is_global(key: &str) -> bool {
    global_options().iter().any(|option| option.key == key)
}
