//! What has to hold before `done`, from the options of `write`.

use super::rate::RateSettings;
use super::write::done_format;
use crate::cli::args::{GuardArgs, UnconfirmedName, WriteArgs};
use crate::cli::error::UsageError;
use crate::cli::invocation::Invocation;
use crate::domain::{GuardChange, GuardChanges, StageKind, UnconfirmedPolicy, Zone};
use crate::upload::{GateSettings, Sources};

pub(super) fn gate_settings(
    invocation: &Invocation,
    args: &WriteArgs,
    (stage, timezone): (StageKind, Option<Zone>),
    rate: &RateSettings,
) -> GateSettings {
    let named = guard_changes(invocation, args);
    // A profile serves all stages; without dates only the budget of bad rows means anything.
    let guards = if stage.is_offline() {
        GuardChanges { timezone, ..named }
    } else {
        GuardChanges {
            max_errors: named.max_errors,
            ..GuardChanges::default()
        }
    };
    GateSettings {
        hold: args.guards.no_done || rate.shared_between_machines.is_some(),
        several_machines: rate.shared_between_machines.map(|share| share.to_string()),
        guards,
        stop_after_errors: args.errors.stop_after_errors.get(),
        done_format: done_format(args.guards.done_format),
    }
}

/// Only what somebody said: the rest stays as the date remembers it.
fn guard_changes(invocation: &Invocation, args: &WriteArgs) -> GuardChanges {
    let guards: &GuardArgs = &args.guards;
    let unconfirmed = match args.errors.unconfirmed {
        UnconfirmedName::Accept => UnconfirmedPolicy::Accept,
        UnconfirmedName::Hold => UnconfirmedPolicy::Hold,
    };
    GuardChanges {
        max_errors: invocation
            .is_given("max_errors")
            .then_some(args.errors.max_errors),
        unconfirmed: invocation.is_given("unconfirmed").then_some(unconfirmed),
        min_rows: guards.min_rows,
        expect_files: guards.expect_files,
        max_drop_percent: guards.max_drop,
        require_marker: guards.require_marker.clone(),
        allow_empty: if guards.no_allow_empty {
            Some(false)
        } else {
            guards.allow_empty.then_some(true)
        },
        timezone: None,
    }
}

/// The zone that a date remembers: one that somebody named, or that is not the usual one.
pub(super) fn own_zone(invocation: &Invocation, zone: Zone) -> Option<Zone> {
    let is_own = invocation.is_given("timezone") || zone != Zone::SHANGHAI;
    is_own.then_some(zone)
}

/// Refuses a marker where there is no folder in which it could lie.
pub(super) fn check_marker(gate: &GateSettings, sources: &Sources) -> Result<(), UsageError> {
    match (&gate.guards.require_marker, sources) {
        (Some(GuardChange::Set(marker)), Sources::Stdin { .. }) => Err(UsageError::new(format!(
            "--require-marker {marker}: standard input has no folder to look in; look for the \
             marker before piping, and leave the option out (if a profile sets it: \
             --require-marker none)"
        ))),
        _ => Ok(()),
    }
}
