//! What a date has to fulfil before `done`, remembered with it.

use super::date::Zone;
use std::fmt;
use std::str::FromStr;

/// How many rejected rows a date may have and still get `done` (`--max-errors`).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ErrorBudget {
    /// At most so many rows.
    Rows(u64),
    /// At most this percentage of the rows read.
    Percent(f64),
}

/// Why a text is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not an error budget; write a number of rows such as 100, or a share such as 0.5%"
)]
pub struct InvalidErrorBudget(String);

impl ErrorBudget {
    /// Whether so many rejected rows are within the budget.
    pub fn allows(self, rejected: u64, rows_read: u64) -> bool {
        match self {
            Self::Rows(most) => rejected <= most,
            Self::Percent(most) => as_float(rejected) * 100.0 <= as_float(rows_read) * most,
        }
    }
}

impl FromStr for ErrorBudget {
    type Err = InvalidErrorBudget;

    fn from_str(text: &str) -> Result<Self, InvalidErrorBudget> {
        let invalid = || InvalidErrorBudget(text.to_owned());
        if let Some(share) = text.strip_suffix('%') {
            let percent: f64 = share.trim().parse().map_err(|_| invalid())?;
            if !(0.0..=100.0).contains(&percent) {
                return Err(invalid());
            }
            return Ok(Self::Percent(percent));
        }
        text.parse().map(Self::Rows).map_err(|_| invalid())
    }
}

impl TryFrom<String> for ErrorBudget {
    type Error = InvalidErrorBudget;

    fn try_from(text: String) -> Result<Self, InvalidErrorBudget> {
        text.parse()
    }
}

impl From<ErrorBudget> for String {
    fn from(budget: ErrorBudget) -> Self {
        budget.to_string()
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Whether rows that are only *unconfirmed* hold `done` back (`--unconfirmed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnconfirmedPolicy {
    /// Counted, shown, accepted.
    Accept,
    /// Counted, shown, and `done` waits for a person.
    Hold,
}

/// The guards of a date.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Guards {
    /// Most rejected rows.
    pub max_errors: ErrorBudget,
    /// What unconfirmed rows mean for `done`.
    pub unconfirmed: UnconfirmedPolicy,
    /// Fewest rows stored.
    pub min_rows: Option<u64>,
    /// Exact number of inputs.
    pub expect_files: Option<u64>,
    /// Largest fall of the row count against the last completed date of the same topic and stage,
    /// in percent.
    pub max_drop_percent: Option<f64>,
    /// File that has to lie in each matched folder before anything is read.
    pub require_marker: Option<String>,
    /// A date without a row may be done.
    pub allow_empty: bool,
    /// Name of the zone in which the day ends, if that is not the platform's usual one.
    pub timezone: Option<String>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_errors: ErrorBudget::Rows(0),
            unconfirmed: UnconfirmedPolicy::Accept,
            min_rows: None,
            expect_files: None,
            max_drop_percent: None,
            require_marker: None,
            allow_empty: false,
            timezone: None,
        }
    }
}

/// What a command says of a guard that a date need not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardChange<T> {
    /// From now on it is this.
    Set(T),
    /// From now on there is none.
    Remove,
}

impl<T: Clone> GuardChange<T> {
    /// The guard after a command that may have named it.
    pub fn after(change: Option<&Self>, before: Option<T>) -> Option<T> {
        match change {
            Some(Self::Set(value)) => Some(value.clone()),
            Some(Self::Remove) => None,
            None => before,
        }
    }
}

/// Guards that a command names; those it does not name stay as the date remembers them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GuardChanges {
    /// See [`Guards::max_errors`].
    pub max_errors: Option<ErrorBudget>,
    /// See [`Guards::unconfirmed`].
    pub unconfirmed: Option<UnconfirmedPolicy>,
    /// See [`Guards::min_rows`].
    pub min_rows: Option<GuardChange<u64>>,
    /// See [`Guards::expect_files`].
    pub expect_files: Option<GuardChange<u64>>,
    /// See [`Guards::max_drop_percent`].
    pub max_drop_percent: Option<GuardChange<f64>>,
    /// See [`Guards::require_marker`].
    pub require_marker: Option<GuardChange<String>>,
    /// See [`Guards::allow_empty`].
    pub allow_empty: Option<bool>,
    /// See [`Guards::timezone`].
    pub timezone: Option<Zone>,
}

impl Guards {
    /// The guards after a command.
    #[must_use]
    pub fn changed_by(mut self, changes: &GuardChanges) -> Self {
        self.max_errors = changes.max_errors.unwrap_or(self.max_errors);
        self.unconfirmed = changes.unconfirmed.unwrap_or(self.unconfirmed);
        self.min_rows = GuardChange::after(changes.min_rows.as_ref(), self.min_rows);
        self.expect_files = GuardChange::after(changes.expect_files.as_ref(), self.expect_files);
        self.max_drop_percent =
            GuardChange::after(changes.max_drop_percent.as_ref(), self.max_drop_percent);
        self.require_marker =
            GuardChange::after(changes.require_marker.as_ref(), self.require_marker);
        self.allow_empty = changes.allow_empty.unwrap_or(self.allow_empty);
        if let Some(zone) = changes.timezone {
            self.timezone = Some(zone.to_string());
        }
        self
    }

    /// The zone in which the day ends; `usual` if it was not uploaded with one of its own.
    pub fn zone_or(&self, usual: Zone) -> Zone {
        let own = self.timezone.as_ref().and_then(|name| name.parse().ok());
        own.unwrap_or(usual)
    }
}

/// Row counts stay far below 2^53, where every integer is exact.
#[allow(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a percentage of a count needs no more precision than f64 has"
)]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_or_a_share_of_the_rows_read() {
        let rows: ErrorBudget = "3".parse().unwrap();
        assert!(rows.allows(3, 3) && !rows.allows(4, 1000));
        let share: ErrorBudget = "0.5%".parse().unwrap();
        assert!(share.allows(5, 1000) && !share.allows(6, 1000));
        for bad in ["", "-1", "101%", "%", "a", "NaN%"] {
            assert!(bad.parse::<ErrorBudget>().is_err(), "{bad}");
        }
    }

    #[test]
    fn guards_that_a_command_does_not_name_stay() {
        let first = Guards::default().changed_by(&GuardChanges {
            min_rows: Some(GuardChange::Set(10)),
            max_errors: Some(ErrorBudget::Percent(1.5)),
            ..GuardChanges::default()
        });
        let again = first.clone().changed_by(&GuardChanges::default());
        assert_eq!(first, again);
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<Guards>(&text).unwrap(), first);
    }
}
