//! Decimals as JSON numbers, digit by digit.

/// Longest decimal in bytes; 38 digits, the usual limit, take 16.
const MAX_BYTES: usize = 128;

/// Appends a whole number that is written in two's complement, the highest byte first, with so many of
/// its digits behind the point. False for a number that is absurdly long.
pub(super) fn push_decimal(out: &mut Vec<u8>, bytes: &[u8], scale: usize) -> bool {
    if bytes.len() > MAX_BYTES {
        return false;
    }
    let negative = bytes.first().is_some_and(|high| *high >= 0x80);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
            *byte = sum;
            carry = over;
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) || digits.len() <= scale {
        let mut rest = 0_u16;
        for byte in &mut magnitude {
            let value = (rest << 8) | u16::from(*byte);
            *byte = u8::try_from(value / 10).unwrap_or_default();
            rest = value % 10;
        }
        digits.push(b'0'.saturating_add(u8::try_from(rest).unwrap_or_default()));
    }
    push_digits(out, negative, &digits, scale);
    true
}

/// The same for a number of at most 64 bits.
pub(super) fn push_small_decimal(out: &mut Vec<u8>, number: i64, scale: usize) {
    let mut digits = Vec::with_capacity(20);
    let mut rest = number.unsigned_abs();
    while rest > 0 || digits.len() <= scale {
        digits.push(b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or_default()));
        rest /= 10;
    }
    push_digits(out, number < 0, &digits, scale);
}

/// Digits from the last to the first.
fn push_digits(out: &mut Vec<u8>, negative: bool, digits: &[u8], scale: usize) {
    if negative {
        out.push(b'-');
    }
    for (place, digit) in digits.iter().enumerate().rev() {
        out.push(*digit);
        if place == scale && scale > 0 {
            out.push(b'.');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(bytes: &[u8], scale: usize) -> String {
        let mut out = Vec::new();
        assert!(push_decimal(&mut out, bytes, scale));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_keep_their_sign_their_zeros_and_every_digit() {
        assert_eq!(written(&[0], 0), "0");
        assert_eq!(written(&[], 2), "0.00");
        assert_eq!(written(&[0xff], 2), "-0.01");
        assert_eq!(written(&12_300_i32.to_be_bytes(), 4), "1.2300");
        assert_eq!(written(&i128::MIN.to_be_bytes(), 0), i128::MIN.to_string());
        assert!(!push_decimal(&mut Vec::new(), &[1; 129], 0));
    }

    proptest! {
        #[test]
        fn both_ways_of_writing_agree_with_the_number(number: i64, scale in 0_usize..25) {
            let mut small = Vec::new();
            push_small_decimal(&mut small, number, scale);
            let small = String::from_utf8(small).unwrap();
            prop_assert_eq!(&written(&number.to_be_bytes(), scale), &small);
            let digits: String = small.chars().filter(|c| *c != '.').collect();
            prop_assert_eq!(digits.parse::<i64>().unwrap(), number);
            let behind = small.split_once('.').map_or(0, |(_, behind)| behind.len());
            prop_assert_eq!(behind, scale);
        }
    }
}
