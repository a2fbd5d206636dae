//! Which rows a list of errors speaks of, however a server spells them.

use super::*;
use crate::protocol::Gzip;
use proptest::prelude::*;
use serde_json::Value;

/// The places of the refused rows in the batch, each with how often something was said of its group.
fn matched(rows: &[&str], told: &[&str]) -> Option<Vec<usize>> {
    let body = Gzip::new(1).compress(format!("[{}]", rows.join(",")).as_bytes());
    let errors: Vec<RowError> = told
        .iter()
        .map(|data| RowError {
            message: "no".to_owned(),
            data: (*data).to_owned(),
        })
        .collect();
    let groups = matched_groups(&body, &errors).unwrap()?;
    let mut places: Vec<usize> = groups
        .iter()
        .flat_map(|group| group.rows.keys().zip(&group.messages).map(|(row, _)| *row))
        .collect();
    places.sort_unstable();
    Some(places)
}

#[test]
fn a_row_is_known_again_however_its_numbers_are_spelt() {
    let rows = [
        r#"{"id":1,"price":1.0}"#,
        r#"{"id":2,"price":1e3}"#,
        r#"{"id":12345678901234567890,"price":2}"#,
        r#"{"id":4,"url":"a\/b<c>"}"#,
    ];
    for (told, place) in [
        (r#"{"id":1,"price":1}"#, 0),
        (r#"{"price":1,"id":1.0}"#, 0),
        (r#"{"id":2,"price":1000}"#, 1),
        (r#"{"id":1.2345678901234567e+19,"price":2}"#, 2),
        (r#"{ "id" : 4, "url" : "a/b\u003cc\u003e" }"#, 3),
    ] {
        assert_eq!(matched(&rows, &[told]), Some(vec![place]), "{told}");
    }
    assert_eq!(matched(&rows, &[r#"{"id":1,"price":2}"#]), None);
}

#[test]
fn different_rows_that_only_doubles_take_for_equal_are_not_guessed_among() {
    let rows = [
        r#"{"id":9007199254740992}"#,
        r#"{"id":9007199254740993}"#,
        r#"{"id":7}"#,
    ];
    assert_eq!(matched(&rows, &[r#"{"id":9.007199254740992e15}"#]), None);
    assert_eq!(
        matched(&rows, &[rows[0]]),
        None,
        "a server that keeps doubles says so of either"
    );
    assert_eq!(
        matched(&rows, &[rows[1]]),
        Some(vec![1]),
        "a server that keeps doubles never says so"
    );
    assert_eq!(matched(&rows, &[rows[2]]), Some(vec![2]));
    assert_eq!(matched(&rows, &[rows[0], rows[0]]), None);
    let fractions = [r#"{"x":0.1}"#, r#"{"x":0.1000000000000000055}"#];
    for told in [r#"{"x":0.1}"#, r#"{"x":1e-1}"#] {
        assert_eq!(matched(&fractions, &[told]), None, "{told}");
    }
}

#[test]
fn rows_that_differ_by_the_spelling_of_a_number_are_equal_rows() {
    let twice = [r#"{"id":1.0}"#, r#"{"id":1}"#, r#"{"id":2}"#];
    let one = r#"{"id":1e0}"#;
    assert_eq!(matched(&twice, &[one]), Some(vec![0]));
    assert_eq!(matched(&twice, &[one, one]), Some(vec![0, 1]));
    assert_eq!(matched(&twice, &[twice[1], twice[1]]), Some(vec![0, 1]));
}

#[test]
fn two_things_said_of_one_row_refuse_it_once() {
    let rows = [r#"{"id":1}"#, r#"{"id":2}"#];
    assert_eq!(matched(&rows, &[rows[0], rows[0]]), Some(vec![0]));
}

proptest! {
    #[test]
    fn numbers_sent_through_doubles_still_name_their_row(
        ids in proptest::collection::btree_set(-1_000_000_000_000_i64..1_000_000_000_000, 1..20),
        which in any::<proptest::sample::Index>(),
        fraction in 0_u8..4,
    ) {
        let rows: Vec<String> = ids
            .iter()
            .map(|id| format!("{{\"id\":{id},\"x\":{}.{}}}", id / 7, "0".repeat(usize::from(fraction) + 1)))
            .collect();
        let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
        let place = which.index(rows.len());
        // As a server that reads every number into a double would write it.
        let value: Value = serde_json::from_str(&rows[place]).unwrap();
        let told = format!("{{\"id\":{:e},\"x\":{}}}", value["id"].as_f64().unwrap(), value["x"].as_f64().unwrap());
        prop_assert_eq!(matched(&texts, &[&told]), Some(vec![place]));
    }

    /// Rows whose identifiers lie close together, told by a server that keeps doubles.
    #[test]
    fn a_server_that_keeps_doubles_never_makes_another_row_refused(
        ids in proptest::collection::btree_set(9_007_199_254_740_000_u64..9_007_199_254_742_000, 1..200),
        which in any::<proptest::sample::Index>(),
        is_long in any::<bool>(),
    ) {
        let rows: Vec<String> = ids.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
        let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
        let place = which.index(rows.len());
        let value: Value = serde_json::from_str(&rows[place]).unwrap();
        let double = value["id"].as_f64().unwrap();
        let told = if is_long { format!("{{\"id\":{double}}}") } else { format!("{{\"id\":{double:e}}}") };
        if let Some(found) = matched(&texts, &[&told]) {
            prop_assert_eq!(found, vec![place]);
        }
    }
}
