//! What a value has to satisfy beyond its type.
//!
//! The checks and their edges are those of the vendor's validator (`air_api_tool` `checker/`), so
//! that the same data gets the same verdict; what is added is said where it is.

use super::categories;
use super::datetime::Datetime;
use super::value::{Shape, Value};
use super::violation::{ViolationKind, quoted};
use std::borrow::Cow;

/// A check of one field, and when it applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is looked at.
    pub rule: Rule,
    /// Applies only to rows in which another field has one of some values.
    pub when: Option<When>,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Present, not null and not `""`.
    Required,
    /// One of these, whatever the case; numbers as they are printed, true and false as 1 and 0.
    Enums(Vec<String>),
    /// A number within any of these; anything else passes.
    Ranges(Vec<Range>),
    /// A plausible point in time.
    Datetime(Datetime),
    /// A JSON array of categories; with `strict`, of depths 1, 2, 3, …
    Categories {
        /// Whether depths have to count up from 1.
        strict: bool,
    },
    /// No Chinese characters (the platform's templates ask for it in `user_id`).
    NoChinese,
}

/// Bounds of a number, each optional.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Range {
    /// Greater than.
    pub gt: Option<f64>,
    /// Greater than or equal to.
    pub gte: Option<f64>,
    /// Less than.
    pub lt: Option<f64>,
    /// Less than or equal to.
    pub lte: Option<f64>,
}

/// Another field that decides whether a check applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Its name.
    pub field: String,
    /// The strings that it may be; equal to the letter.
    pub values: Vec<String>,
}

impl Range {
    fn contains(&self, number: f64) -> bool {
        self.gt.is_none_or(|bound| number > bound)
            && self.gte.is_none_or(|bound| number >= bound)
            && self.lt.is_none_or(|bound| number < bound)
            && self.lte.is_none_or(|bound| number <= bound)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bounds = [
            (self.gt, "greater than"),
            (self.gte, "at least"),
            (self.lt, "less than"),
            (self.lte, "at most"),
        ];
        let mut words = Vec::new();
        for (bound, word) in bounds {
            if let Some(bound) = bound {
                words.push(format!("{word} {bound}"));
            }
        }
        f.write_str(&words.join(" and "))
    }
}

impl When {
    /// Whether a value of the other field is one of those.
    pub(super) fn holds(&self, value: Option<Value<'_>>) -> bool {
        let text = value.and_then(Value::text);
        text.is_some_and(|text| self.values.iter().any(|wanted| **wanted == *text))
    }
}

impl Rule {
    /// The word in schemas and reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Enums(_) => "enums",
            Self::Ranges(_) => "ranges",
            Self::Datetime(_) => "datetime",
            Self::Categories { .. } => "categories",
            Self::NoChinese => "no_chinese",
        }
    }

    /// What is wrong with a value; absent ones pass every rule but [`Required`](Self::Required).
    pub(super) fn fault(&self, value: Option<Value<'_>>) -> Option<(ViolationKind, String)> {
        let value = match value {
            None
            | Some(Value {
                shape: Shape::Null, ..
            }) => {
                let missing = || {
                    (
                        ViolationKind::Missing,
                        "is mandatory and not there".to_owned(),
                    )
                };
                return (*self == Self::Required).then(missing);
            }
            Some(value) => value,
        };
        match self {
            Self::Required => (value.sent == b"\"\"")
                .then(|| (ViolationKind::Missing, "is mandatory and empty".to_owned())),
            Self::Enums(allowed) => {
                let printed = printed(value)?;
                if allowed.iter().any(|it| **it == *printed) {
                    return None;
                }
                let lower = printed.to_lowercase();
                if allowed.iter().any(|it| it.to_lowercase() == lower) {
                    return None;
                }
                let shown = if printed.is_empty() {
                    "\"\" (empty)".to_owned()
                } else {
                    quoted(printed.as_bytes())
                };
                let message = format!("{shown} is not among {}", allowed.join(", "));
                Some((ViolationKind::NotAllowed, message))
            }
            Self::Ranges(ranges) => {
                let number: f64 = value.digits()?.parse().ok()?;
                if ranges.iter().any(|range| range.contains(number)) {
                    return None;
                }
                let allowed: Vec<String> = ranges.iter().map(Range::to_string).collect();
                let message = format!("{number} is not {}", allowed.join(", or "));
                Some((ViolationKind::OutOfRange, message))
            }
            Self::Datetime(datetime) => datetime.fault(value),
            Self::Categories { strict } => {
                let text = value.text()?;
                let problem = categories::problem(&text, *strict)?;
                Some((ViolationKind::Categories, problem))
            }
            Self::NoChinese if value.sent.is_ascii() && !value.sent.contains(&b'\\') => None,
            Self::NoChinese => {
                let text = value.text()?;
                let found = text.chars().find(|c| is_chinese(*c))?;
                let message =
                    format!("has the Chinese character {found}, which an id must not have");
                Some((ViolationKind::ChineseCharacters, message))
            }
        }
    }
}

/// A value as the vendor's validator prints it.
fn printed(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.shape {
        // The digits of an integer, but for a minus in front of nothing.
        Shape::Integer(0) => Some(Cow::Borrowed("0")),
        Shape::Integer(_) => value.digits().map(Cow::Borrowed),
        Shape::Number => {
            let number: f64 = value.digits()?.parse().ok()?;
            Some(Cow::Owned(number.to_string()))
        }
        Shape::Bool => Some(Cow::Borrowed(if value.sent == b"true" { "1" } else { "0" })),
        Shape::Text => value.text(),
        Shape::Null | Shape::Nested => None,
    }
}

/// The ideographs of the Unicode blocks that Chinese is written with.
const fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::super::value::as_it_is;
    use super::*;

    fn fault(rule: &Rule, raw: &str) -> Option<ViolationKind> {
        rule.fault(Some(as_it_is(raw.as_bytes()))).map(|it| it.0)
    }

    #[test]
    fn a_mandatory_field_is_there_and_not_empty() {
        let missing = Some(ViolationKind::Missing);
        assert_eq!(Rule::Required.fault(None).map(|it| it.0), missing);
        assert_eq!(fault(&Rule::Required, "null"), missing);
        assert_eq!(fault(&Rule::Required, "\"\""), missing);
        assert_eq!(fault(&Rule::Required, "\" \""), None);
        assert_eq!(fault(&Rule::Required, "0"), None);
    }

    #[test]
    fn absent_values_pass_all_other_rules() {
        let rules = [Rule::Enums(vec!["a".to_owned()]), Rule::NoChinese];
        for rule in rules {
            assert_eq!(rule.fault(None), None);
            assert_eq!(fault(&rule, "null"), None);
        }
    }

    #[test]
    fn enums_compare_what_is_printed_whatever_its_case() {
        let rule = Rule::Enums(["1", "0", "Yes", "2.5"].map(str::to_owned).to_vec());
        for passing in ["1", "\"1\"", "1.0", "true", "false", "\"YES\"", "2.50"] {
            assert_eq!(fault(&rule, passing), None, "{passing}");
        }
        for failing in ["2", "\"\"", "\"no\""] {
            assert_eq!(
                fault(&rule, failing),
                Some(ViolationKind::NotAllowed),
                "{failing}"
            );
        }
    }

    #[test]
    fn a_number_lies_within_any_range_and_other_values_pass() {
        let low = Range {
            lt: Some(0.0),
            ..Range::default()
        };
        let high = Range {
            gte: Some(10.0),
            lte: Some(20.0),
            ..Range::default()
        };
        let rule = Rule::Ranges(vec![low, high]);
        for passing in ["-1", "10", "20.0", "\"5\"", "true"] {
            assert_eq!(fault(&rule, passing), None, "{passing}");
        }
        for failing in ["0", "9.99", "20.01", "1e300"] {
            assert_eq!(
                fault(&rule, failing),
                Some(ViolationKind::OutOfRange),
                "{failing}"
            );
        }
    }

    #[test]
    fn an_id_has_no_chinese_characters() {
        assert_eq!(
            fault(&Rule::NoChinese, "\"u\\u4e2d1\""),
            Some(ViolationKind::ChineseCharacters)
        );
        assert_eq!(
            fault(&Rule::NoChinese, "\"用户\""),
            Some(ViolationKind::ChineseCharacters)
        );
        assert_eq!(fault(&Rule::NoChinese, "\"usér-1！\""), None);
        assert_eq!(fault(&Rule::NoChinese, "17"), None);
    }

    #[test]
    fn a_condition_wants_the_very_string() {
        let when = When {
            field: "event".to_owned(),
            values: vec!["buy".to_owned()],
        };
        for (raw, wanted) in [
            ("\"buy\"", true),
            ("\"\\u0062uy\"", true),
            ("\"Buy\"", false),
            ("1", false),
        ] {
            assert_eq!(when.holds(Some(as_it_is(raw.as_bytes()))), wanted, "{raw}");
        }
        assert!(!when.holds(None));
    }
}
