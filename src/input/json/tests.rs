//! Which lines are one JSON object, and what is said of the others.

use super::*;

fn check(row: &str) -> Result<Remarks, RejectCode> {
    let mut check = JsonCheck::new();
    let suspicions = check.suspect(row.as_bytes());
    check
        .check(row.as_bytes(), suspicions)
        .map_err(|bad| bad.code)
}

fn remarks(row: &str) -> Vec<&'static str> {
    let remarks = check(row).unwrap().into_iter().flatten();
    remarks.map(WarningKind::as_str).collect()
}

#[test]
fn only_one_object_is_a_row() {
    for good in [
        "{}",
        r#"{"a":[1,{"b":null}]}"#,
        r#"{"a":123456789012345678901234567890}"#,
        "{\t\"a\" :\t1 \r}",
    ] {
        assert_eq!(remarks(good), [""; 0], "{good}");
    }
    for bad in [
        "{",
        "{}{}",
        "{} x",
        "{'a':1}",
        r#"{"a":NaN}"#,
        r#"{"a":01}"#,
        "{\"a\":\"\n\"}",
        "{\"a\tb\":1}",
        "{\"\0\":1}",
        "{\"a\":{\"b\x1f\":1}}",
        "x",
    ] {
        assert_eq!(check(bad), Err(RejectCode::NotJson), "{bad}");
    }
    for other in ["[]", "1", "null", "\"{}\""] {
        assert_eq!(check(other), Err(RejectCode::NotObject), "{other}");
    }
}

#[test]
fn a_reject_says_where_the_row_stops_being_json() {
    let mut check = JsonCheck::new();
    let bad = check
        .check(br#"{"a":1}{}"#, Suspicions::default())
        .unwrap_err();
    assert_eq!(
        bad.message,
        "not one JSON object: trailing characters at byte 8"
    );
}

#[test]
fn nesting_is_rejected_beyond_127_levels_however_deep() {
    let nested = |levels: usize| {
        let inner = levels - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    assert!(check(&nested(127)).is_ok());
    assert_eq!(check(&nested(128)), Err(RejectCode::TooDeep));
    assert_eq!(check(&nested(500_000)), Err(RejectCode::TooDeep));
    // Many brackets, in strings and side by side, are no depth.
    let wide = format!(
        "{{\"a\":[{}0],\"b\":\"{}\"}}",
        "[],".repeat(900),
        "[{".repeat(900)
    );
    assert!(check(&wide).is_ok());
}

#[test]
fn remarkable_rows_are_rows_with_a_remark() {
    for (row, expected) in [
        (r#"{"a":1,"b":2,"a":3}"#, "duplicate_key"),
        (r#"{"a":1,"\u0061":3}"#, "duplicate_key"),
        (r#"{"m":{"a":1,"\u0061":3}}"#, "duplicate_key"),
        (r#"{"m":[0,"{",[{"a":{}},{"b":1,"b":2}]]}"#, "duplicate_key"),
        (r#"{"m":{"a":{"\n":1, "\u000A" : 2}}}"#, "duplicate_key"),
        (r#"{"a":"\ud83d"}"#, "lone_surrogate"),
        (r#"{"a":"\uDE00 \uD83D"}"#, "lone_surrogate"),
        (r#"{"\ud83dx":1}"#, "lone_surrogate"),
        (r#"{"a":"\ud83d\ud83d\ude00"}"#, "lone_surrogate"),
        (r#"{"a":1e400}"#, "number_range"),
        (r#"{"a":[1,-2.5E+999]}"#, "number_range"),
    ] {
        assert_eq!(remarks(row), [expected], "{row}");
    }
    for plain in [
        r#"{"a":"\ud83d\ude00"}"#,
        r#"{"a":"\\ud83d"}"#,
        r#"{"a":1e300,"b":1e-400,"c":"1e400","d":"9e999 \" 1e400"}"#,
        r#"{"a":{"b":1},"b":1,"A":1}"#,
        r#"{"a":[{"b":1,"c":{"b":1}},{"b":1}],"b":"{\"a\":1,\"a\":2}"}"#,
        r#"{"h":"3e400a"}"#,
    ] {
        assert_eq!(remarks(plain), [""; 0], "{plain}");
    }
}

#[test]
fn duplicates_are_found_again_in_each_row_that_has_them() {
    let mut check = JsonCheck::new();
    for _ in 0..3 {
        let twice = check
            .check(br#"{"a":1,"a":2}"#, Suspicions::default())
            .unwrap();
        assert_eq!(twice[0], Some(WarningKind::DuplicateKey));
        let once = check
            .check(br#"{"a":1,"b":2}"#, Suspicions::default())
            .unwrap();
        assert_eq!(once[0], None);
    }
}

#[test]
fn the_only_duplicate_of_many_rows_is_found() {
    let mut check = JsonCheck::new();
    let mut remark = |row: &[u8]| check.check(row, Suspicions::default()).unwrap()[0];
    for _ in 0..3_001 {
        assert_eq!(remark(br#"{"a":1}"#), None);
    }
    assert!(remark(br#"{"a":1,"a":2}"#).is_some());
    assert_eq!(remark(br#"{"a":1}"#), None);
}
