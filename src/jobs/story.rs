//! One summary of several: the most serious status, and the sums of what was counted.

use crate::upload::event::Gauges;
use crate::upload::report::{Course, RejectGroup, Status, Summary, Totals};
use std::collections::BTreeMap;
use std::time::Duration;

/// The summary of all, in order. Requests, bytes and time are those of the whole run, which the
/// gauges count; `elapsed` is its time.
pub fn together(stories: Vec<Summary>, gauges: &Gauges, elapsed: Duration) -> Summary {
    let mut whole = Summary {
        status: Status::Success,
        retryable: false,
        totals: Totals {
            requests: Gauges::get(&gauges.requests),
            retries: Gauges::get(&gauges.retries),
            bytes_read: Gauges::get(&gauges.bytes_read),
            bytes_sent: Gauges::get(&gauges.bytes_sent),
            elapsed,
            ..Totals::default()
        },
        partitions: Vec::new(),
        rejects: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        next: Vec::new(),
        run_dir: None,
        course: Course::Ended,
        origin: None,
    };
    let mut rejects = BTreeMap::new();
    // The problems of the most serious status come first, as in a summary of one day.
    let mut by_status: Vec<(Status, String)> = Vec::new();
    for story in stories {
        whole.status = whole.status.worst(story.status);
        whole.retryable |= story.retryable;
        whole.totals.add_recorded(&story.totals);
        whole.partitions.extend(story.partitions);
        for group in story.rejects {
            count(&mut rejects, group);
        }
        by_status.extend(story.problems.into_iter().map(|it| (story.status, it)));
        append_new(&mut whole.notes, story.notes);
        append_new(&mut whole.next, story.next);
    }
    by_status.sort_by_key(|(status, _)| *status);
    append_new(
        &mut whole.problems,
        by_status.into_iter().map(|(_, problem)| problem).collect(),
    );
    whole.rejects = rejects.into_values().collect();
    whole
        .rejects
        .sort_by_key(|group| std::cmp::Reverse(group.count));
    whole
}

fn count(groups: &mut BTreeMap<(String, Option<String>), RejectGroup>, group: RejectGroup) {
    groups
        .entry(group.key())
        .and_modify(|known| known.count = known.count.saturating_add(group.count))
        .or_insert(group);
}

fn append_new<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
