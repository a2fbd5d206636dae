//! A topic that was named and of which the ledger has nothing: misspelt, most likely.

use super::Failure;
use crate::cli::value::nearest;
use crate::domain::Topic;
use crate::ledger::KnownPartition;
use crate::upload::report::Status;
use std::collections::BTreeSet;
use std::path::Path;

/// Most topics that are named where none is near.
const MAX_NAMED: usize = 5;

/// Status 8 with the topic that was meant; `None` when the ledger knows all that were named.
pub(super) fn unknown_topic(
    place: &Path,
    named: &[Topic],
    known: &[KnownPartition],
) -> Option<Failure> {
    let topics = known.iter().map(|date| date.partition.topic.as_str());
    let topics: BTreeSet<&str> = topics.collect();
    let unknown = named.iter().find(|it| !topics.contains(it.as_str()))?;
    let hint = match nearest(unknown.as_str(), topics.iter().copied()) {
        _ if topics.is_empty() => "it is empty".to_owned(),
        Some(near) => format!("did you mean {near}?"),
        None => {
            let more = if topics.len() > MAX_NAMED {
                " and more"
            } else {
                ""
            };
            let few: Vec<&str> = topics.into_iter().take(MAX_NAMED).collect();
            format!("it knows {}{more}", few.join(", "))
        }
    };
    Some(Failure::new(
        Status::Nothing,
        anyhow::anyhow!(
            "the ledger in {} knows nothing of topic {unknown}; {hint}",
            place.display()
        ),
    ))
}
