//! Rows that say no date, in files with rows of several: nobody knows for which of the dates they count.

use crate::dates_from_field::{FIELD, done_days, mixed, server, text};

/// They were counted among the rejected rows of a date and not among its rows.
#[test]
fn a_share_of_rows_that_may_be_rejected_is_one_of_all_rows_that_count() {
    let (recorder, place) = server();
    let rows = text(&mixed(20, &[1, 2]));
    place.file(
        "rows.jsonl",
        &(rows + &"{\"id\":\"x\",\"ts\":\"no day\"}\n".repeat(5)),
    );
    let both = format!("{FIELD} -d 2022-01-01,2022-01-02");
    // Ten rows of each date, and five that may be of either.
    place
        .end(&format!("{both} --dry-run --max-errors 33% rows.jsonl"))
        .expect(3);
    place
        .end(&format!("{both} --max-errors 33% rows.jsonl"))
        .expect(3);
    assert!(done_days(&recorder).is_empty());
    place
        .end(&format!("{both} --dry-run --max-errors 34% rows.jsonl"))
        .expect(0);
    place
        .end(&format!("{both} --max-errors 34% rows.jsonl"))
        .expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
}
