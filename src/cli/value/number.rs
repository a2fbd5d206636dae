//! Whole numbers, with words for people where they are none.

use std::fmt::Display;
use std::str::FromStr;

/// A reader of whole numbers between two.
pub fn within<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy,
{
    move |text| {
        let number = text.trim().parse().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("write a whole number from {least} to {most}"))
    }
}

/// A reader of whole numbers from one on.
pub fn at_least<T>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy,
{
    move |text| {
        let number = text.trim().parse().ok();
        number
            .filter(|number| *number >= least)
            .ok_or_else(|| format!("write a whole number, at least {least}"))
    }
}
