//! Numbers as text: read exactly, never through floating point.
//!
//! An identifier such as 9007199254740993 must arrive as it is, so integers are expanded digit by
//! digit and decimals keep the digits that they were written with. What the platform could not
//! store (overflow, NaN, infinities) has a fault of its own.

/// Why a text is not the number that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// It is no such number at all.
    NotOne,
    /// It is one, but outside the range of its type.
    Overflow,
}

/// Digits that an integer of 64 bits can have.
const MAX_DIGITS: usize = 19;

/// Reads `12`, `-12`, `+12`, `012`, and a scientific notation that is an integer (`1.5e3`).
pub(super) fn integer(text: &str) -> Result<i64, NumberFault> {
    let decimal = Decimal::parse(text).ok_or(NumberFault::NotOne)?;
    if decimal.exponent.is_none() && decimal.has_point {
        return Err(NumberFault::NotOne);
    }
    decimal.to_integer()
}

/// Reads an integer that is written as JSON writes it and has at most 18 digits.
#[inline]
pub(super) fn plain_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > MAX_DIGITS.saturating_sub(1) || (negative && digits == b"0") {
        return None;
    }
    let mut value = match digits {
        [b'0'] => return Some(0),
        [first @ b'1'..=b'9', ..] => i64::from(first.wrapping_sub(b'0')),
        _ => return None,
    };
    for byte in digits.get(1..)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 18 digits cannot overflow.
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// Whether a JSON number is finite as a double, or as a float when `narrow`.
pub(super) fn is_finite(number: &[u8], narrow: bool) -> bool {
    // So few digits without an exponent fit into either.
    if number.len() < 38 && !number.iter().any(|byte| byte | 0x20 == b'e') {
        return true;
    }
    let number = std::str::from_utf8(number).unwrap_or_default();
    if narrow {
        number.parse().is_ok_and(f32::is_finite)
    } else {
        number.parse().is_ok_and(f64::is_finite)
    }
}

/// Appends a decimal number as JSON writes it, with the digits that it has: `+01.50` is `1.50`.
pub(super) fn push_decimal(text: &str, json: &mut Vec<u8>) -> Result<(), NumberFault> {
    if is_plain_decimal(text.as_bytes()) {
        json.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let decimal = Decimal::parse(text).ok_or(NumberFault::NotOne)?;
    if decimal.negative {
        json.push(b'-');
    }
    let whole = decimal.whole.trim_start_matches('0');
    json.extend_from_slice(if whole.is_empty() { "0" } else { whole }.as_bytes());
    if !decimal.fraction.is_empty() {
        json.push(b'.');
        json.extend_from_slice(decimal.fraction.as_bytes());
    }
    if let Some(exponent) = decimal.exponent {
        json.push(b'e');
        json.extend_from_slice(exponent.as_bytes());
    }
    Ok(())
}

/// Whether a text is digits, a point and digits, as JSON writes a number.
fn is_plain_decimal(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let length = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = length(unsigned);
    let Some([b'.', fraction @ ..]) = unsigned.get(whole..) else {
        return false;
    };
    let leads = unsigned.first() != Some(&b'0') || whole == 1;
    whole > 0 && leads && !fraction.is_empty() && length(fraction) == fraction.len()
}

/// A number taken apart; all parts are digits, the exponent with its sign.
struct Decimal<'t> {
    negative: bool,
    whole: &'t str,
    has_point: bool,
    fraction: &'t str,
    exponent: Option<&'t str>,
}

impl<'t> Decimal<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let negative = mantissa.starts_with('-');
        let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, has_point, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole, true, fraction),
            None => (unsigned, false, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let number =
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
        let exponent_is_one = exponent.is_none_or(|exponent| {
            let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !unsigned.is_empty() && digits(unsigned)
        });
        (number && exponent_is_one).then_some(Self {
            negative,
            whole,
            has_point,
            fraction,
            exponent,
        })
    }

    fn to_integer(&self) -> Result<i64, NumberFault> {
        let all = || self.whole.bytes().chain(self.fraction.bytes());
        let significant = all().collect::<Vec<_>>();
        let leading = significant
            .iter()
            .take_while(|digit| **digit == b'0')
            .count();
        let digits = significant.get(leading..).unwrap_or_default();
        let kept = digits
            .len()
            .saturating_sub(digits.iter().rev().take_while(|d| **d == b'0').count());
        if kept == 0 {
            return Ok(0);
        }
        // An exponent that does not fit is far beyond either end.
        let exponent = match self.exponent {
            None => 0_i64,
            Some(text) => text.parse().unwrap_or(if text.starts_with('-') {
                i64::MIN
            } else {
                i64::MAX
            }),
        };
        let length = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let zeros = exponent
            .saturating_sub(length(self.fraction.len()))
            .saturating_add(length(digits.len().saturating_sub(kept)));
        let zeros = usize::try_from(zeros).map_err(|_| {
            if zeros < 0 {
                NumberFault::NotOne
            } else {
                NumberFault::Overflow
            }
        })?;
        if kept.saturating_add(zeros) > MAX_DIGITS {
            return Err(NumberFault::Overflow);
        }
        let written = digits
            .iter()
            .take(kept)
            .copied()
            .chain(std::iter::repeat_n(b'0', zeros));
        let magnitude = written.fold(0_u64, |sum, digit| {
            sum.wrapping_mul(10)
                .wrapping_add(u64::from(digit.wrapping_sub(b'0')))
        });
        let signed = i128::from(magnitude) * if self.negative { -1 } else { 1 };
        i64::try_from(signed).map_err(|_| NumberFault::Overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumberFault::{NotOne, Overflow};
    use proptest::prelude::*;

    #[test]
    fn integers_are_exact_and_decimals_are_none() {
        for (text, wanted) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("+5", Ok(5)),
            ("007", Ok(7)),
            ("9007199254740993", Ok(9_007_199_254_740_993)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(Overflow)),
            ("99999999999999999999", Err(Overflow)),
            ("1e3", Ok(1000)),
            ("1.50E1", Ok(15)),
            ("120e-1", Ok(12)),
            ("125e-1", Err(NotOne)),
            ("0e999999999999999999999", Ok(0)),
            ("1e999999999999999999999", Err(Overflow)),
            ("1e-999999999999999999999", Err(NotOne)),
            ("1.0", Err(NotOne)),
            ("", Err(NotOne)),
            ("-", Err(NotOne)),
            (" 1", Err(NotOne)),
            ("1_000", Err(NotOne)),
            ("0x10", Err(NotOne)),
            ("1e", Err(NotOne)),
            ("١", Err(NotOne)),
        ] {
            assert_eq!(integer(text), wanted, "{text}");
        }
    }

    #[test]
    fn decimals_keep_their_digits() {
        for (text, wanted) in [
            ("+01.50", Some("1.50")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("-0.000", Some("-0.000")),
            ("1E+05", Some("1e+05")),
            (
                "12345678901234567890.123456789",
                Some("12345678901234567890.123456789"),
            ),
            ("NaN", None),
            ("inf", None),
            ("1,5", None),
            (".", None),
            ("", None),
        ] {
            let mut json = Vec::new();
            let pushed = push_decimal(text, &mut json).map(|()| String::from_utf8(json).unwrap());
            assert_eq!(pushed.ok().as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn numbers_beyond_their_type_are_not_finite() {
        assert!(is_finite(b"1e308", false) && !is_finite(b"1e309", false));
        assert!(is_finite(b"3.4e38", true) && !is_finite(b"3.5e38", true));
        assert!(!is_finite(&b"9".repeat(400), false));
    }

    #[test]
    fn only_integers_as_json_writes_them_are_plain() {
        for text in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "-01",
            "+1",
            "1.0",
            "1e1",
            "1 ",
            "9999999999999999999",
        ] {
            assert_eq!(plain_integer(text.as_bytes()), None, "{text}");
        }
        for number in [0, 7, -7, 10, 999_999_999_999_999_999] {
            assert_eq!(plain_integer(number.to_string().as_bytes()), Some(number));
        }
    }

    proptest! {
        #[test]
        fn a_plain_integer_is_what_the_long_way_reads(text in "-?[0-9]{0,19}") {
            if let Some(value) = plain_integer(text.as_bytes()) {
                prop_assert_eq!(integer(&text), Ok(value));
                prop_assert_eq!(value.to_string(), text);
            }
        }

        #[test]
        fn an_integer_is_what_the_standard_library_reads(number: i64) {
            prop_assert_eq!(integer(&number.to_string()), Ok(number));
        }

        #[test]
        fn what_is_written_is_json_and_the_same_number(text in "[+-]?[0-9]{0,5}\\.?[0-9]{0,5}([eE][+-]?[0-9]{1,2})?") {
            let mut json = Vec::new();
            if push_decimal(&text, &mut json).is_ok() {
                serde_json::from_slice::<serde::de::IgnoredAny>(&json).unwrap();
                let written = String::from_utf8(json).unwrap();
                let bits = |number: &str| number.parse::<f64>().unwrap().to_bits();
                prop_assert_eq!(bits(&written), bits(&text));
            }
        }
    }
}
