//! Settings: what a reader of values takes, it takes again as it is printed, with the same meaning;
//! and a config file that is taken gives the same settings when `config show` is written as one.

use super::tape::Tape;
use byteair_sync::cli::dates::{DateSpec, DayName, MAX_DAYS, date_spec, resolve_dates};
use byteair_sync::cli::environment::Environment;
use byteair_sync::cli::invocation::{Invocation, Origin, known_keys, mask_password};
use byteair_sync::cli::profile::{ProfileChoice, load};
use byteair_sync::cli::value::{
    InFlight, byte_size, delimiter, duration, duration_range, host_name, in_flight, percent,
    rate_share, stage_kind,
};
use byteair_sync::domain::{DataDate, ErrorBudget, Topic, Zone};
use byteair_sync::protocol::DoneFormat;
use chrono::DateTime;
use std::ffi::OsString;
use std::fmt::{Debug, Display, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

/// A byte for what the rest is: a single value, or a config file.
pub(crate) fn check(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let is_file = tape.byte() % 2 == 1;
    let text = String::from_utf8_lossy(tape.rest());
    if is_file {
        check_file(&text);
    } else {
        check_typed(&text);
        check_parsed::<DataDate>(&text);
        check_parsed::<DoneFormat>(&text);
        check_parsed::<ErrorBudget>(&text);
        check_parsed::<Topic>(&text);
        check_parsed::<Zone>(&text);
        check_dates(&text);
        check_password(&text);
    }
}

/// The readers of options with values of their own.
fn check_typed(text: &str) {
    if let Ok(size) = byte_size(text) {
        assert_eq!(byte_size(&size.to_string()), Ok(size));
        assert!(size.0 > 0);
    }
    if let Ok(time) = duration(text) {
        assert_eq!(duration(&format!("{}ms", time.as_millis())), Ok(time));
        let (hours, rest) = (time.as_secs() / 3600, time.as_secs() % 3600);
        let parts = format!(
            "{hours}h{}m{}s{}ms",
            rest / 60,
            rest % 60,
            time.subsec_millis()
        );
        assert_eq!(duration(&parts), Ok(time));
        assert_eq!(duration_range(text).map(|it| it.least), Ok(time));
    }
    if let Ok(range) = duration_range(text) {
        let (least, most) = (range.least.as_millis(), range.most.as_millis());
        assert_eq!(duration_range(&format!("{least}ms..{most}ms")), Ok(range));
        assert!(least <= most);
    }
    if let Ok(share) = rate_share(text) {
        assert_eq!(rate_share(&share.to_string()), Ok(share));
        for rate in [1, 100, 50_000, u32::MAX] {
            assert!(share.of(rate).is_none_or(|part| part.get() <= rate));
            assert_eq!(
                share.is_whole(),
                share.of(rate).map(u32::from) == Some(rate)
            );
        }
    }
    if let Ok(InFlight::AtMost(number)) = in_flight(text) {
        assert_eq!(in_flight(&number.to_string()), Ok(InFlight::AtMost(number)));
    }
    if let Ok(share) = percent(text) {
        assert_eq!(percent(&format!("{share}%")), Ok(share));
        assert!((0.0..=100.0).contains(&share));
    }
    if let Ok(stage) = stage_kind(text) {
        assert_eq!(stage_kind(&stage.to_string()), Ok(stage));
    }
    if let Ok(divider) = delimiter(text) {
        assert_eq!(delimiter(&divider).as_ref(), Ok(&divider));
    }
    if let Ok(host) = host_name(text) {
        assert_eq!(host_name(&host.to_string()).as_ref(), Ok(&host));
        let with_port = host.with_port(443);
        let uri: http::Uri = format!("https://{with_port}/data/api").parse().unwrap();
        assert_eq!(uri.host(), Some(host.host()), "{text:?}");
        assert!(uri.port_u16().is_some_and(|port| port > 0));
        assert_eq!(uri.path(), "/data/api");
        assert!(
            !host
                .to_string()
                .contains(|c: char| c.is_control() || c == '@' || c == ' ')
        );
    }
}

/// Values that read and print themselves.
fn check_parsed<T>(text: &str)
where
    T: FromStr<Err: Debug> + Display + PartialEq + Debug,
{
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().unwrap(), value);
    }
}

fn check_dates(text: &str) {
    let show = |name: &DayName| match name {
        DayName::Day(day) => day.to_string(),
        DayName::Today => "today".to_owned(),
        DayName::Yesterday => "yesterday".to_owned(),
    };
    let specs: Vec<DateSpec> = text.split(',').flat_map(date_spec).collect();
    for spec in &specs {
        let shown = match spec {
            DateSpec::One(name) => show(name),
            DateSpec::Range(first, last) => format!("{}..{}", show(first), show(last)),
        };
        assert_eq!(date_spec(&shown), Ok(*spec));
    }
    let now = DateTime::from_timestamp(1_641_970_893, 0).unwrap();
    if let Ok(days) = resolve_dates(&specs, Zone::SHANGHAI, now) {
        assert!(days.len() <= MAX_DAYS && days.is_sorted_by(|a, b| a < b));
        for spec in &specs {
            if let DateSpec::One(DayName::Day(day)) = spec {
                assert!(days.contains(day));
            }
        }
    }
}

/// A URL's password is hidden whatever it is, and hiding it twice changes nothing.
fn check_password(text: &str) {
    let masked = mask_password(text);
    assert_eq!(mask_password(&masked), masked);
    let password: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let url = format!("http://user:-{password}-@proxy:3128/");
    assert_eq!(mask_password(&url), "http://***@proxy:3128/");
}

/// The keys of a profile; finding them takes long.
static KNOWN: LazyLock<Vec<String>> = LazyLock::new(known_keys);

/// A config file, which is written again from what became of it.
fn check_file(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let choice = ProfileChoice {
        file: Some(file.clone()),
        file_was_named: true,
        name: None,
    };
    if !matches!(load(&choice, &KNOWN), Ok(Some(_))) {
        return;
    }
    let Some(shown) = settings(&file) else {
        return;
    };
    let mut again = String::from("[profile.default]\n");
    for (key, value, origin) in &shown {
        let hidden = value.as_ref().is_none_or(|value| value.contains("***"));
        if matches!(origin, Origin::Profile { .. }) && !hidden {
            let value = toml::Value::String(value.clone().unwrap_or_default());
            writeln!(again, "{key} = {value}").unwrap();
        }
    }
    std::fs::write(&file, &again).unwrap();
    let reread = settings(&file).expect(&again);
    for (before, after) in shown.iter().zip(&reread) {
        let hidden = before.1.as_ref().is_some_and(|it| it.contains("***"));
        assert!(
            before == after || hidden,
            "{before:?} is {after:?}: {again}"
        );
    }
    assert_eq!(shown.len(), reread.len());
}

/// Name, value, origin.
type Shown = (String, Option<String>, Origin);

/// What `config show` shows with this file; `None` when a value is refused.
fn settings(file: &Path) -> Option<Vec<Shown>> {
    let words = ["byteair-sync", "--config"].map(OsString::from);
    let more = ["config", "show"].map(OsString::from);
    let words: Vec<OsString> = words.into_iter().chain([file.into()]).chain(more).collect();
    let invocation = Invocation::parse(&words, Environment::default()).ok()?;
    invocation.describe("write").ok()
}
