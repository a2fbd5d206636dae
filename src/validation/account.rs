//! The account of faults: by kind and field, with the first places, and the rows with the most.
//!
//! The names of unknown fields come from the data and can be endless, so groups beyond a bound are
//! counted together, under the name [`OTHERS`]; no fault is left out of the counts.

use super::report::{BadRow, Group, Place};
use std::collections::HashMap;

/// Places that are kept of a group.
const MAX_PLACES: usize = 5;
/// Groups that are kept apart.
const MAX_GROUPS: usize = 1_000;
/// Rows that are kept as the worst ones.
const MAX_WORST: usize = 10;
/// Faults that are kept of one of them.
const MAX_FAULTS: usize = 20;
/// Bytes that are kept of one of them.
const MAX_RAW_BYTES: usize = 2 << 10;
/// Longest name of a field, in characters.
const MAX_NAME_CHARS: usize = 120;
/// Stands for the fields of groups for which there was no room.
pub(super) const OTHERS: &str = "(further fields)";

/// One fault.
pub(super) struct Fault<'f> {
    pub(super) kind: &'static str,
    pub(super) field: &'f str,
    pub(super) message: &'f str,
}

/// A place whose input is known by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) input: usize,
    pub(super) line: u64,
}

#[derive(Default)]
pub(super) struct Account {
    groups: Vec<Counted>,
    by_kind: HashMap<&'static str, HashMap<Box<str>, usize>>,
    worst: Vec<Worst>,
}

struct Counted {
    kind: &'static str,
    field: String,
    rows: u64,
    message: String,
    spots: Vec<Spot>,
}

struct Worst {
    spot: Spot,
    count: usize,
    faults: Vec<(String, &'static str, String)>,
    raw: Vec<u8>,
    cut_off: bool,
}

impl Account {
    /// Counts rows with a fault of which the first is at `spot`.
    pub(super) fn add(&mut self, fault: &Fault<'_>, rows: u64, spot: Spot) {
        let field = beginning(fault.field);
        let index = self.index(fault.kind, field, fault.message);
        if let Some(group) = self.groups.get_mut(index) {
            group.rows = group.rows.saturating_add(rows);
            if group.spots.len() < MAX_PLACES {
                group.spots.push(spot);
            }
        }
    }

    fn index(&mut self, kind: &'static str, field: &str, message: &str) -> usize {
        let is_full = self.groups.len() >= MAX_GROUPS;
        let known = self.by_kind.entry(kind).or_default();
        if let Some(index) = known.get(field).or_else(|| {
            let others = is_full.then(|| known.get(OTHERS));
            others.flatten()
        }) {
            return *index;
        }
        let field = if is_full { OTHERS } else { field };
        let index = self.groups.len();
        known.insert(field.into(), index);
        self.groups.push(Counted {
            kind,
            field: field.to_owned(),
            rows: 0,
            message: message.to_owned(),
            spots: Vec::new(),
        });
        index
    }

    /// Keeps a bad row if it is among the worst: those with the most faults, of equal ones the first.
    pub(super) fn rank(&mut self, spot: Spot, count: usize, faults: &[Fault<'_>], raw: &[u8]) {
        let at = self.worst.partition_point(|other| other.count >= count);
        if at >= MAX_WORST {
            return;
        }
        self.worst.truncate(MAX_WORST.saturating_sub(1));
        let kept = raw.get(..MAX_RAW_BYTES).unwrap_or(raw);
        let fault = |it: &Fault<'_>| {
            (
                beginning(it.field).to_owned(),
                it.kind,
                it.message.to_owned(),
            )
        };
        let worst = Worst {
            spot,
            count,
            faults: faults.iter().take(MAX_FAULTS).map(fault).collect(),
            cut_off: kept.len() < raw.len(),
            raw: kept.to_vec(),
        };
        self.worst.insert(at, worst);
    }

    /// The groups, most frequent first, and the worst rows, with the names of the inputs.
    pub(super) fn told(self, inputs: &[String]) -> (Vec<Group>, Vec<BadRow>) {
        let place = |spot: &Spot| Place {
            input: inputs.get(spot.input).cloned().unwrap_or_default(),
            line: spot.line,
        };
        let group = |it: Counted| Group {
            kind: it.kind,
            places: it.spots.iter().map(place).collect(),
            field: it.field,
            rows: it.rows,
            message: it.message,
        };
        let mut groups: Vec<Group> = self.groups.into_iter().map(group).collect();
        groups.sort_by(|a, b| {
            let by_rows = b.rows.cmp(&a.rows);
            by_rows.then_with(|| (a.kind, &a.field).cmp(&(b.kind, &b.field)))
        });
        let row = |it: Worst| BadRow {
            place: place(&it.spot),
            faults: it.faults,
            count: it.count,
            raw: String::from_utf8_lossy(&it.raw).into_owned(),
            cut_off: it.cut_off,
        };
        (groups, self.worst.into_iter().map(row).collect())
    }
}

fn beginning(name: &str) -> &str {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => name.get(..end).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault<'f>(kind: &'static str, field: &'f str) -> Fault<'f> {
        Fault {
            kind,
            field,
            message: "m",
        }
    }

    #[test]
    fn endless_names_are_counted_together_and_none_is_left_out() {
        let mut account = Account::default();
        let spot = Spot { input: 0, line: 1 };
        for number in 0..3 * MAX_GROUPS {
            account.add(&fault("unknown_field", &format!("f{number}")), 1, spot);
        }
        account.add(&fault("unknown_field", "f0"), 1, spot);
        account.add(&fault("wrong_type", "late"), 1, spot);
        let (groups, _) = account.told(&["a".to_owned()]);
        assert_eq!(groups.len(), MAX_GROUPS + 2);
        let total: u64 = groups.iter().map(|group| group.rows).sum();
        assert_eq!(total, 3 * 1_000 + 2);
        assert_eq!((groups[0].field.as_str(), groups[0].rows), (OTHERS, 2_000));
        assert_eq!((groups[1].field.as_str(), groups[1].rows), ("f0", 2));
    }

    #[test]
    fn the_worst_rows_have_the_most_faults_and_of_equal_ones_the_first_stay() {
        let mut account = Account::default();
        for line in 1..=40 {
            let count = if line == 33 {
                3
            } else {
                1 + usize::from(line == 20)
            };
            account.rank(Spot { input: 0, line }, count, &[fault("k", "f")], b"{}");
        }
        let (_, worst) = account.told(&["a".to_owned()]);
        let lines: Vec<u64> = worst.iter().map(|row| row.place.line).collect();
        assert_eq!(lines, [33, 20, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
