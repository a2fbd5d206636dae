//! What a display shows at which width.

use super::super::fold::{fitting, room};
use super::*;

#[test]
fn the_display_has_at_most_six_lines() {
    let mut view = View::default();
    let gauges = Gauges::default();
    let now = Instant::now();
    view.event(&started(Some(1000)));
    Gauges::add(&gauges.bytes_settled, 500);
    Gauges::add(&gauges.rows_before, 5);
    assert_eq!(
        view.frame(&gauges, now, 80),
        [
            "uploading item history_sync 2022-01-01",
            "[###############...............] 50% of 1,000 bytes",
            "rows: 0 read, 0 accepted, 0 rejected, 0 in flight, 5 before this run",
            "0 rows/s, limited by reading; done waits for the last row",
        ]
    );
    let mut stream = started(None);
    if let Event::Started { has_dates, .. } = &mut stream {
        *has_dates = false;
    }
    view.event(&stream);
    assert!(!view.line(&gauges, now).contains("done"));
    view.event(&Event::Done {
        partition: partition(),
        outcome: DoneOutcome::Withheld,
        why: "the day is not over".to_owned(),
    });
    assert!(view.frame(&gauges, now, 80).len() <= 6);
}

/// A view with long numbers, and rows of every kind.
fn crowded() -> (View, Gauges) {
    let (mut view, gauges) = (View::default(), Gauges::default());
    view.event(&started(Some(1_000)));
    for (gauge, rows) in [
        (&gauges.rows_read, 131_022),
        (&gauges.rows_accepted, 109_561),
        (&gauges.rows_unconfirmed, 2_000),
        (&gauges.rows_in_flight, 2_022),
        (&gauges.retries, 1_234),
        (&gauges.rows_before, 84_000),
    ] {
        Gauges::add(gauge, rows);
    }
    (view, gauges)
}

#[test]
fn a_display_of_many_numbers_is_broken_between_them() {
    let (view, gauges) = crowded();
    let frame = |width| view.frame(&gauges, Instant::now(), width);
    assert_eq!(
        frame(80)[2..],
        [
            "rows: 131,022 read, 109,561 accepted, 2,000 unconfirmed, 0 rejected,",
            "  2,022 in flight, 1,234 retries, 84,000 before this run",
            "0 rows/s, limited by reading; done waits for the last row",
        ]
    );
    assert_eq!(
        frame(100)[2..],
        [
            "rows: 131,022 read, 109,561 accepted, 2,000 unconfirmed, 0 rejected, 2,022 in flight,",
            "  1,234 retries, 84,000 before this run",
            "0 rows/s, limited by reading; done waits for the last row",
        ]
    );
    // Rows and rate share lines where there are few columns.
    assert_eq!(
        frame(54)[2..],
        [
            "rows: 131,022 read, 109,561 accepted,",
            "  2,000 unconfirmed, 0 rejected, 2,022 in flight,",
            "  1,234 retries; 0 rows/s, limited by reading;",
            "  done waits for the last row",
        ]
    );
    // Rows of earlier runs are what there is no room for.
    assert_eq!(
        frame(60)[2..],
        [
            "rows: 131,022 read, 109,561 accepted, 2,000 unconfirmed,",
            "  0 rejected, 2,022 in flight, 1,234 retries",
            "0 rows/s, limited by reading;",
            "  done waits for the last row",
        ]
    );
}

#[test]
fn no_display_is_wider_than_its_terminal_or_cut_inside_a_word() {
    let (mut view, gauges) = crowded();
    view.event(&Event::Done {
        partition: partition(),
        outcome: DoneOutcome::Withheld,
        why: "1 rejected row of export/2022-01-01/item-000.jsonl.gz, 0 allowed".to_owned(),
    });
    for width in 60..=120 {
        let frame = view.frame(&gauges, Instant::now(), width);
        assert!(frame.len() <= 6, "{frame:#?}");
        let whole = frame.join(" ");
        assert!(whole.contains("in flight") && whole.contains("retries"));
        for line in frame {
            let shown = fitting(&line, width);
            assert!(shown.chars().count() <= room(width), "{shown}");
            let start = shown.trim_end_matches("...");
            let rest = line.strip_prefix(start).unwrap();
            assert!(
                rest.is_empty() || rest.starts_with([' ', ',', ':']),
                "{shown}"
            );
        }
    }
}

#[test]
fn an_upload_of_several_says_which_it_is() {
    let (mut reporter, gauges, _, err) = reporter(Display::Lines, PrintStyle::default());
    let (start, mut second) = (Instant::now(), started(None));
    if let Event::Started { place, .. } = &mut second {
        *place = Some("2 of 3 uploads (job north)".to_owned());
    }
    reporter.event(&second, start);
    reporter.status(start);
    for line in err.text().lines() {
        assert!(
            line.starts_with("2 of 3 uploads (job north): uploading item"),
            "{line}"
        );
    }
    let mut view = View::default();
    view.event(&second);
    let frame = view.frame(&gauges, start, 80);
    assert_eq!(
        frame[0],
        "2 of 3 uploads (job north): uploading item history_sync 2022-01-01"
    );
    assert!(frame.len() <= 6);
}
