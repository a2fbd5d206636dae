//! Values as they are typed: sizes, durations, rates, stages.

use super::*;

#[test]
fn sizes_are_binary_with_an_i_and_decimal_without() {
    for (text, bytes) in [
        ("8MiB", 8 << 20),
        ("1kB", 1000),
        ("64K", 64 << 10),
        ("17", 17),
        ("2 GiB", 2 << 30),
        ("33554433 bytes", (32 << 20) + 1),
    ] {
        let size = ByteSize(bytes);
        assert_eq!(byte_size(text), Ok(size), "{text}");
        assert_eq!(byte_size(&size.to_string()), Ok(size), "as it is printed");
    }
    for bad in ["", "MiB", "0", "8Mi", "-1", "1.5MiB", "99999999999GiB"] {
        assert!(byte_size(bad).is_err(), "{bad}");
    }
}

#[test]
fn durations_need_a_unit() {
    for (text, millis) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("0s", 0),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for bad in [
        "",
        "30",
        "s",
        "1h30",
        "-1s",
        "1.5s",
        "1y",
        "99999999999999999999s",
        "99999d",
    ] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_share_is_above_nothing_and_at_most_all() {
    let quarter = rate_share("1/4").unwrap();
    assert_eq!(quarter.of(50_000).unwrap().get(), 12_500);
    assert_eq!(quarter.of(3), None);
    assert!(rate_share("3/3").unwrap().is_whole());
    for bad in ["0/4", "5/4", "1/0", "1", "a/b", ""] {
        assert!(rate_share(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_percentage_is_between_0_and_100() {
    assert_eq!(percent("30%"), Ok(30.0));
    for bad in ["30", "-1%", "101%", "NaN%", "%", "inf%"] {
        assert!(percent(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_misspelt_stage_gets_a_suggestion() {
    let message = stage_kind("history_snyc").unwrap_err();
    assert!(
        message.ends_with("; did you mean history_sync?"),
        "{message}"
    );
    let message = stage_kind("trial").unwrap_err();
    assert!(
        message.contains("belongs to BytePlus; here it is pre_sync"),
        "{message}"
    );
    assert!(!stage_kind("x").unwrap_err().contains("did you mean"));
}

#[test]
fn a_host_is_neither_url_nor_path() {
    for (text, shown, port) in [
        ("API.example.com", "api.example.com", "api.example.com:443"),
        ("10.0.0.1:8080", "10.0.0.1:8080", "10.0.0.1:8080"),
        ("[::1]:80", "[::1]:80", "[::1]:80"),
    ] {
        let host = host_name(text).unwrap();
        assert_eq!(host.to_string(), shown);
        assert_eq!(host.with_port(443), port);
    }
    for bad in [
        "",
        "https://a",
        "a/b",
        "u:p@a",
        "a:",
        "a:x",
        "a:0",
        "a b",
        ":80",
        "a:99999",
    ] {
        assert!(host_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_this_machine_is_loopback() {
    for near in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:80",
        "127.9.9.9",
        "[::1]",
    ] {
        assert!(host_name(near).unwrap().is_loopback(), "{near}");
    }
    for far in [
        "localhost.example.com",
        "127.0.0.1.example.com",
        "10.0.0.1",
        "0.0.0.0",
    ] {
        assert!(!host_name(far).unwrap().is_loopback(), "{far}");
    }
}

#[test]
fn delimiters_quotes_and_encodings_are_read_as_people_type_them() {
    for (typed, meant) in [
        ("\\t", "\t"),
        ("\\x01", "\u{1}"),
        ("|", "|"),
        ("||", "||"),
        ("，", "，"),
    ] {
        assert_eq!(delimiter(typed).as_deref(), Ok(meant));
    }
    for bad in [
        "",
        "\n",
        "\\n",
        "\\r",
        "\\0",
        "\\xff",
        "\\x",
        "12345678901234567",
    ] {
        assert!(delimiter(bad).is_err(), "{bad}");
    }
    assert_eq!(quote("'"), Ok(CharOrNone(Some(b'\''))));
    assert_eq!(quote("none"), Ok(CharOrNone(None)));
    for bad in ["", "ab", "\n", "’"] {
        assert!(quote(bad).is_err(), "{bad}");
    }
    assert_eq!(text_encoding("auto"), Ok(EncodingName(None)));
    assert!(text_encoding("GB18030").unwrap().0.is_some());
    assert!(text_encoding("utf-7").is_err());
}

#[test]
fn in_flight_is_auto_or_a_number() {
    assert_eq!(in_flight("auto"), Ok(InFlight::Auto));
    assert_eq!(in_flight("8"), Ok(InFlight::AtMost(8)));
    for bad in ["0", "1001", "many"] {
        assert!(in_flight(bad).is_err(), "{bad}");
    }
}

#[test]
fn latencies_are_ranges() {
    let range = duration_range("20ms..80ms").unwrap();
    assert_eq!(range.least, Duration::from_millis(20));
    assert_eq!(
        duration_range("5ms").unwrap().most,
        Duration::from_millis(5)
    );
    assert!(duration_range("2s..1s").is_err());
}
