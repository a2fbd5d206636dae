//! Points in time as rows write them: seconds or milliseconds since 1970, or text in a layout.
//!
//! The window of epochs is the vendor's (`air_api_tool` `field_checker_datetime.go`): nothing before
//! 10⁹ and nothing after 10¹⁵, which leaves out microseconds; 0 stands for "not known". A schema may
//! narrow it to a unit and to days between which the value has to lie.

use super::value::{Shape, Value};
use super::violation::{ViolationKind, quoted};
use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDate};

/// Least epoch: September 2001 in seconds.
const MIN_EPOCH: i64 = 1_000_000_000;
/// Greatest epoch: the year 33658 in milliseconds.
const MAX_EPOCH: i64 = 1_000_000_000_000_000;
/// Epochs from here on are milliseconds (1973), those below are seconds (the year 5138).
const FIRST_MILLISECOND: i64 = 100_000_000_000;

/// How a field writes a point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datetime {
    /// Seconds or milliseconds since 1970.
    Epoch(Epoch),
    /// Text in a layout of chrono (`%Y-%m-%d`); `None` is RFC 3339.
    Layout(Option<String>),
}

/// Which epochs are plausible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Only seconds (false) or only milliseconds (true).
    pub milliseconds: Option<bool>,
    /// Not before the beginning of this day (UTC).
    pub from: Option<NaiveDate>,
    /// Not after the end of this day (UTC).
    pub to: Option<NaiveDate>,
}

impl Datetime {
    pub(super) fn fault(&self, value: Value<'_>) -> Option<(ViolationKind, String)> {
        let problem = match self {
            Self::Epoch(epoch) => epoch.problem(value)?,
            Self::Layout(layout) => {
                let text = value.text()?;
                if text.is_empty() || fits(&text, layout.as_deref()) {
                    return None;
                }
                let wanted = layout
                    .as_deref()
                    .unwrap_or("RFC 3339 (2022-01-01T00:00:00Z)");
                format!("{} is no datetime like {wanted}", quoted(text.as_bytes()))
            }
        };
        Some((ViolationKind::Datetime, problem))
    }
}

impl Epoch {
    fn problem(&self, value: Value<'_>) -> Option<String> {
        let number = whole_number(value)?;
        if number == 0 {
            return None;
        }
        if !(MIN_EPOCH..=MAX_EPOCH).contains(&number) {
            return Some(format!(
                "{number} is no timestamp in seconds or milliseconds since 1970"
            ));
        }
        let is_milliseconds = number >= FIRST_MILLISECOND;
        if let Some(wanted) = self.milliseconds
            && wanted != is_milliseconds
        {
            let wanted = if wanted { "milliseconds" } else { "seconds" };
            return Some(format!("{number} is no timestamp in {wanted} since 1970"));
        }
        if self.from.is_none() && self.to.is_none() {
            return None;
        }
        let seconds = if is_milliseconds {
            number.div_euclid(1000)
        } else {
            number
        };
        let day = DateTime::from_timestamp(seconds, 0)?.date_naive();
        let early = self.from.filter(|from| day < *from);
        let late = self.to.filter(|to| day > *to);
        match (early, late) {
            (Some(from), _) => Some(format!("{number} is {day} (UTC), before {from}")),
            (_, Some(to)) => Some(format!("{number} is {day} (UTC), after {to}")),
            _ => None,
        }
    }
}

/// The integer of a value, as the vendor's validator takes it; 0 where there is none.
fn whole_number(value: Value<'_>) -> Option<i64> {
    match value.shape {
        Shape::Integer(number) => Some(number),
        Shape::Number => {
            let number = value.digits()?;
            let (whole, _) = number.split_once(['.', 'e', 'E']).unwrap_or((number, ""));
            super::number::integer(number)
                .or_else(|_| super::number::integer(whole))
                .ok()
        }
        _ => value.text()?.parse().ok(),
    }
}

/// Whether a text is in a layout.
pub fn fits(text: &str, layout: Option<&str>) -> bool {
    let Some(layout) = layout else {
        // Small letters and leap seconds are allowed by RFC 3339 and refused by the platform's Go.
        let is_usual = !text.contains(['t', 'z']) && text.get(17..19) != Some("60");
        return is_usual && DateTime::parse_from_rfc3339(text).is_ok();
    };
    let text = without_fraction(text, layout);
    let mut parsed = Parsed::new();
    fixed_length(layout).is_none_or(|length| text.len() == length)
        && chrono::format::parse(&mut parsed, text, StrftimeItems::new(layout)).is_ok()
}

/// Go takes a fraction behind the seconds whether or not the layout has one.
fn without_fraction<'t>(text: &'t str, layout: &str) -> &'t str {
    match text.rsplit_once('.') {
        Some((whole, fraction))
            if layout.ends_with("%S")
                && !fraction.is_empty()
                && fraction.bytes().all(|it| it.is_ascii_digit()) =>
        {
            whole
        }
        _ => text,
    }
}

/// Bytes of a text in a layout of numbers, which are padded with zeros; `None` of another layout.
fn fixed_length(layout: &str) -> Option<usize> {
    let mut length = 0_usize;
    let mut characters = layout.chars();
    while let Some(character) = characters.next() {
        let width = match (character, character == '%') {
            (_, true) => match characters.next()? {
                'Y' => 4,
                'm' | 'd' | 'H' | 'M' | 'S' | 'y' | 'I' => 2,
                '%' => 1,
                _ => return None,
            },
            (other, false) => other.len_utf8(),
        };
        length = length.saturating_add(width);
    }
    Some(length)
}

/// Whether a layout can be used for parsing.
pub fn is_layout(layout: &str) -> bool {
    !layout.is_empty() && StrftimeItems::new(layout).all(|item| !matches!(item, Item::Error))
}

/// A layout of Go (`2006-01-02 15:04:05`), as chrono writes it (`%Y-%m-%d %H:%M:%S`).
pub(super) fn layout_from_go(layout: &str) -> String {
    const WORDS: [(&str, &str); 24] = [
        ("January", "%B"),
        ("Monday", "%A"),
        ("Jan", "%b"),
        ("Mon", "%a"),
        ("MST", "%Z"),
        ("2006", "%Y"),
        ("Z07:00", "%:z"),
        ("Z0700", "%z"),
        ("-07:00", "%:z"),
        ("-0700", "%z"),
        (".000000000", "%.9f"),
        (".000000", "%.6f"),
        (".000", "%.3f"),
        ("01", "%m"),
        ("02", "%d"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("06", "%y"),
        ("15", "%H"),
        ("PM", "%p"),
        ("pm", "%P"),
        ("_2", "%e"),
        ("%", "%%"),
    ];
    let mut rest = layout;
    let mut translated = String::new();
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|(go, _)| rest.starts_with(go));
        let (taken, written) = match word {
            Some((go, ours)) => (go.len(), (*ours).to_owned()),
            None => (first.len_utf8(), first.to_string()),
        };
        translated.push_str(&written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::super::value::as_it_is;
    use super::*;

    fn is_faulty(datetime: &Datetime, raw: &str) -> bool {
        datetime.fault(as_it_is(raw.as_bytes())).is_some()
    }

    #[test]
    fn texts_are_what_the_platforms_go_takes() {
        let seconds = Some("%Y-%m-%d %H:%M:%S");
        for (text, layout, wanted) in [
            ("2022-01-01T00:00:00Z", None, true),
            ("2022-01-01T00:00:00.5+08:00", None, true),
            ("2022-01-01T00:00:60Z", None, false),
            ("2022-01-01t00:00:00z", None, false),
            ("2022-01-01 00:00:00", seconds, true),
            ("2022-01-01 00:00:00.5", seconds, true),
            ("2022-01-01 00:00:00.", seconds, false),
            ("2022-1-1 00:00:00", seconds, false),
            ("2022-01-01 1:2:3", seconds, false),
            ("2022年01月01日", Some("%Y年%m月%d日"), true),
        ] {
            assert_eq!(fits(text, layout), wanted, "{text}");
        }
    }

    #[test]
    fn epochs_are_seconds_or_milliseconds() {
        let epoch = Datetime::Epoch(Epoch::default());
        for passing in [
            "1000000000",
            "1640995200",
            "1640995200000",
            "1000000000000000",
            "0",
            "\"1640995200\"",
            "\"no number\"",
            "1640995200.5",
        ] {
            assert!(!is_faulty(&epoch, passing), "{passing}");
        }
        for failing in [
            "999999999",
            "1640995200000000",
            "-1",
            "20220101",
            "\"20220101\"",
        ] {
            assert!(is_faulty(&epoch, failing), "{failing}");
        }
    }

    #[test]
    fn a_unit_and_days_narrow_what_is_plausible() {
        let day = |text: &str| Some(text.parse().unwrap());
        let epoch = Datetime::Epoch(Epoch {
            milliseconds: Some(false),
            from: day("2021-12-31"),
            to: day("2022-01-01"),
        });
        assert!(!is_faulty(&epoch, "1640995200"));
        assert!(!is_faulty(&epoch, "1641081599"));
        assert!(is_faulty(&epoch, "1641081600"));
        assert!(is_faulty(&epoch, "1640822400"));
        assert!(is_faulty(&epoch, "1640995200000"));
    }

    #[test]
    fn texts_are_in_their_layout() {
        let standard = Datetime::Layout(None);
        assert!(!is_faulty(&standard, "\"2022-01-01T00:00:00+08:00\""));
        assert!(!is_faulty(&standard, "\"\""));
        assert!(is_faulty(&standard, "\"2022-01-01\""));
        let own = Datetime::Layout(Some("%Y-%m-%d".to_owned()));
        assert!(!is_faulty(&own, "\"2022-01-31\""));
        assert!(is_faulty(&own, "\"2022-13-01\""));
        assert!(!is_faulty(&own, "5"));
    }

    #[test]
    fn layouts_of_go_are_understood() {
        assert_eq!(layout_from_go("2006-01-02 15:04:05"), "%Y-%m-%d %H:%M:%S");
        assert_eq!(
            layout_from_go("2006-01-02T15:04:05Z07:00"),
            "%Y-%m-%dT%H:%M:%S%:z"
        );
        assert!(fits(
            "07/Nov/22 100%",
            Some(&layout_from_go("02/Jan/06 100%"))
        ));
        assert!(is_layout("%Y") && !is_layout("%Q!"));
    }
}
