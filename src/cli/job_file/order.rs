//! The order of jobs: each behind those that its `after` names.

use super::super::error::UsageError;
use super::super::value::nearest;
use super::{Job, wrong};
use std::collections::BTreeSet;

/// The jobs in an order that respects `after`, otherwise that of the file.
pub(super) fn in_order(place: &str, jobs: Vec<Job>) -> Result<Vec<Job>, UsageError> {
    let mut names = BTreeSet::new();
    for job in &jobs {
        if !names.insert(job.name.clone()) {
            return Err(wrong(
                place,
                &format!("two jobs have the name '{}'", job.name),
            ));
        }
    }
    for job in &jobs {
        if let Some(unknown) = job.after.iter().find(|name| !names.contains(*name)) {
            let hint = nearest(unknown, names.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
            let what = format!(
                "job '{}' comes after '{unknown}', which is no job{hint}",
                job.name
            );
            return Err(wrong(place, &what));
        }
    }
    let mut placed = BTreeSet::new();
    let mut ordered = Vec::with_capacity(jobs.len());
    let mut waiting = jobs;
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|job| job.after.iter().all(|name| placed.contains(name)));
        let Some(ready) = ready else {
            let circle: Vec<&str> = waiting.iter().map(|job| job.name.as_str()).collect();
            let what = format!(
                "jobs wait for each other in a circle: {}",
                circle.join(", ")
            );
            return Err(wrong(place, &what));
        };
        let job = waiting.remove(ready);
        placed.insert(job.name.clone());
        ordered.push(job);
    }
    Ok(ordered)
}
