//! One batch from its intent to an answer that settles or stops it.
//!
//! What an answer means is decided by [`life`]; every arrow of it is one call of the ledger here,
//! committed before its effect. A batch that cannot be settled in this run stays intended; nothing
//! is dropped.

use super::attempt::{Attempt, Load, attempt, back_off};
use super::context::{Context, DateRun};
use super::event::{Event, Gauges};
use super::life::{self, Note, Standing, Then};
use super::outcome::{Outcome, WorkerError};
use super::parcel::Parcel;
use super::seeded::Seeded;
use super::stop_date::stop_date;
use super::{explain, matching, spool};
use crate::domain::{Judged, RequestId, RowError, Verdict};
use crate::http::{Answer, Outgoing, Refresh, SigningGeneration};
use crate::ledger::{Place, Settlement};
use crate::protocol::Call;
use crate::retry::{Backoff, Decision, Tried};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// First wait after a failure; it doubles from there.
pub(super) const BACKOFF_BASE: Duration = Duration::from_millis(500);

/// Sends one batch until its fate is clear.
pub(super) struct Worker<'a> {
    context: &'a Context,
    date: &'a DateRun,
    parcel: Parcel,
    begun: Instant,
    attempts: u32,
    refreshed: bool,
    seeded: Option<Seeded>,
    /// Where it is noted that the batch may have left.
    departure: Option<Place>,
}

/// After an answer: wait and send again, or leave.
enum Step {
    Again(Duration),
    Leave(Outcome),
}

impl<'a> Worker<'a> {
    pub(super) fn new(context: &'a Context, date: &'a DateRun, parcel: Parcel) -> Self {
        Self {
            context,
            date,
            parcel,
            begun: Instant::now(),
            attempts: 0,
            refreshed: false,
            seeded: context.seeded,
            departure: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Outcome, WorkerError> {
        let most = self.context.size_limit.rows();
        if self.seeded.is_none() && life::is_known_to_be_too_large(self.standing(), most) {
            return Ok(Outcome::TooLarge(Box::new(self.parcel)));
        }
        let mut outgoing = self.outgoing();
        loop {
            if self.date.stopped().is_some() {
                return Ok(Outcome::DateStopped);
            }
            if self.attempts > 0 {
                Gauges::add(&self.context.services.gauges.retries, 1);
                outgoing = outgoing.with_request_id(self.request_id());
            }
            self.attempts = self.attempts.saturating_add(1);
            self.parcel.sent_as = Some(outgoing.request_id());
            let signed_with = self.context.services.client.signing_generation();
            let date = self.date;
            let stopped = || date.stopped().is_some();
            let services = &self.context.services;
            let load = Load {
                rows: self.parcel.rows,
                divisible: self.seeded.is_none() && life::is_divisible(self.standing()),
            };
            let (batch, generation) = (self.parcel.id, self.parcel.generation);
            let place = &mut self.parcel.place;
            let (departure, mut unnoted) = (&mut self.departure, None);
            let begins = || {
                heard(self.context, date);
                let noted = self.context.departures.note(*departure, batch, generation);
                match noted {
                    Ok(noted) => *departure = Some(noted),
                    Err(error) => unnoted = Some(error),
                }
                unnoted.is_none().then(|| place.take())
            };
            let attempted = attempt(services, &outgoing, load, stopped, begins).await?;
            if let Some(error) = unnoted {
                return Err(error.into());
            }
            heard(self.context, date);
            let Answer { judged, turn, .. } = match attempted {
                Attempt::Answered(answer) => answer,
                Attempt::FitsBadly => return Ok(self.hand_over(Outcome::TooLarge)),
                Attempt::NotBegun if self.date.stopped().is_some() => {
                    return Ok(Outcome::DateStopped);
                }
                Attempt::NotBegun => return Ok(Outcome::Interrupted),
                Attempt::GivenUp => {
                    self.note(life::after_giving_up(self.parcel.unknown))
                        .await?;
                    return Ok(Outcome::Interrupted);
                }
            };
            tracing::info!(
                batch = self.parcel.id.0, request_id = %outgoing.request_id(),
                attempt = self.attempts, "{}", explain::answer(&judged)
            );
            let step = self.follow(&judged, signed_with).await?;
            // All that a large reply said is used up.
            drop(turn);
            match step {
                Step::Leave(outcome) => return Ok(outcome),
                Step::Again(wait) if back_off(&self.context.services, wait).await => {}
                Step::Again(_) => return Ok(Outcome::Interrupted),
            }
        }
    }

    fn request_id(&self) -> RequestId {
        let row = &self.date.row;
        self.parcel
            .identity()
            .request_id(row.epoch, &row.partition, self.parcel.generation)
    }

    fn outgoing(&self) -> Outgoing {
        let partition = self.date.partition();
        let call = Call::Write {
            topic: partition.topic.clone(),
            stage: partition.stage,
        };
        Outgoing::new(call, self.request_id(), self.parcel.body.clone())
    }

    fn standing(&self) -> Standing {
        Standing {
            unknown: self.parcel.unknown,
            refusal_seen: self.parcel.refusal_seen,
            rows: self.parcel.rows,
            refreshed: self.refreshed,
        }
    }

    /// Records what an answer means and does what it asks for.
    async fn follow(
        &mut self,
        judged: &Judged,
        signed_with: SigningGeneration,
    ) -> Result<Step, WorkerError> {
        let (id, standing) = (self.parcel.id, self.standing());
        let arrow = match &mut self.seeded {
            Some(seeded) => seeded.after_answer(standing, &judged.verdict),
            None => life::after_answer(standing, &judged.verdict),
        };
        let followed = match self.note(arrow.note).await {
            Ok(()) => self.carry_out(arrow.then, judged, signed_with).await,
            Err(error) if arrow.note == Note::Renewed => {
                self.context.remember_definite_refusal(id).await;
                return Err(error);
            }
            Err(error) => Err(error),
        };
        if followed.is_err() && life::tells_of_rows_not_stored(standing, &judged.verdict) {
            self.context.remember_refusal(id).await;
        }
        followed
    }

    async fn carry_out(
        &mut self,
        then: Then,
        judged: &Judged,
        signed_with: SigningGeneration,
    ) -> Result<Step, WorkerError> {
        match then {
            Then::Settle(Settlement::Foreign) => {
                let what = "was answered 409 (already received) although this ledger knows of no earlier attempt; it blocks done";
                self.blocked(Settlement::Foreign, what).await
            }
            Then::Settle(Settlement::Undetermined) => {
                let what = "was answered with refused rows (1001) at an earlier attempt, was refused when nothing could be recorded, or got a code that nothing names; the platform does not say again (409) what of it is stored; it blocks done";
                self.blocked(Settlement::Undetermined, what).await
            }
            Then::Settle(settlement) => self.settled(settlement).await,
            Then::Match => self.part_refused(&judged.verdict).await,
            Then::BackOff => Ok(self.back_off(judged)),
            Then::Halve => {
                self.context.size_limit.too_large(self.parcel.rows);
                Ok(Step::Leave(self.hand_over(Outcome::TooLarge)))
            }
            Then::RefuseOnlyRow => self.only_row_too_large(judged).await,
            Then::Suspect => {
                let suspect = |parcel| Outcome::Suspect(parcel, judged.clone());
                Ok(Step::Leave(self.hand_over(suspect)))
            }
            Then::StopDate { owes_nothing } => {
                let reason = explain::stopping(self.date.partition(), judged);
                stop_date(self.context, self.date, reason, owes_nothing).await?;
                Ok(Step::Leave(Outcome::DateStopped))
            }
            Then::Refresh => {
                self.refreshed = true;
                self.refresh(judged, signed_with);
                Ok(Step::Again(Duration::ZERO))
            }
            Then::StopRun => {
                let refresh = self.refresh(judged, signed_with);
                let (status, why) = explain::unauthorized(judged, &refresh);
                Ok(Step::Leave(Outcome::RunStopped(status, why)))
            }
        }
    }

    /// Reads the credentials again.
    fn refresh(&self, judged: &Judged, signed_with: SigningGeneration) -> Refresh {
        let client = &self.context.services.client;
        client.refresh_after_unauthorized(signed_with, judged.server_time)
    }

    async fn part_refused(&mut self, verdict: &Verdict) -> Result<Step, WorkerError> {
        let errors: &[RowError] = match verdict {
            Verdict::PartRefused(errors) => errors,
            _ => &[],
        };
        let request_id = self.request_id();
        let Some(letters) = matching::refused_rows(&self.parcel, errors)? else {
            let first = errors.first().map(|error| error.message.as_str());
            let what = format!(
                "was refused in part (1001) and the reply does not say which rows: {}",
                first.unwrap_or("its list cannot be used")
            );
            return self.blocked(Settlement::Undetermined, &what).await;
        };
        self.context.tell_refused(self.date.partition(), &letters);
        self.settled(Settlement::PartRefused {
            letters,
            request_id,
        })
        .await
    }

    async fn settled(&mut self, settlement: Settlement) -> Result<Step, WorkerError> {
        self.settle(settlement).await?;
        Ok(Step::Leave(Outcome::Settled))
    }

    async fn settle(&mut self, settlement: Settlement) -> Result<(), WorkerError> {
        let rows = u64::from(self.parcel.rows);
        let (accepted, unconfirmed, refused) = match &settlement {
            Settlement::Accepted => (rows, 0, 0),
            Settlement::AcceptedUnconfirmed => (0, rows, 0),
            Settlement::PartRefused { letters, .. } => {
                let refused = u64::try_from(letters.len()).unwrap_or(rows);
                (0, rows.saturating_sub(refused), refused)
            }
            Settlement::Refused { .. } => (0, 0, rows),
            Settlement::Foreign | Settlement::Undetermined => (0, 0, 0),
        };
        let row = &self.date.row;
        let (id, partition) = (self.parcel.id, row.partition.clone());
        let (ledger, settlement) = (&self.context.services.ledger, Arc::new(settlement));
        let settling = ledger.settle(id, row.id, partition.clone(), Arc::clone(&settlement));
        if let Err(error) = settling.committed().await {
            if refused > 0 {
                // Which rows they are nobody will say again.
                let settling = ledger.settle_at_last(id, row.id, partition, settlement);
                let _told_by_the_first_error = settling.committed().await;
            }
            return Err(error.into());
        }
        if let Some(departure) = self.departure.take() {
            self.context.departures.settled(departure);
        }
        if accepted + unconfirmed > 0 {
            self.context.probe.end();
            self.context.size_limit.fits(self.parcel.rows);
            self.date.note_accepted();
        }
        if self.parcel.spooled && accepted + unconfirmed + refused > 0 {
            for piece in &self.parcel.pieces {
                spool::remove(&self.context.spool_dir, piece);
            }
        }
        let gauges = &self.context.services.gauges;
        if accepted + unconfirmed + refused > 0 {
            Gauges::add(&gauges.bytes_settled, self.parcel.source_bytes);
        }
        Gauges::add(&gauges.rows_accepted, accepted);
        Gauges::add(&gauges.rows_unconfirmed, unconfirmed);
        Gauges::add(&gauges.rows_rejected, refused);
        self.context.tell(&Event::Settled {
            partition: row.partition.clone(),
            accepted,
            unconfirmed,
            refused,
        });
        Ok(())
    }

    async fn note(&mut self, note: Note) -> Result<(), WorkerError> {
        let ledger = &self.context.services.ledger;
        match note {
            Note::Nothing => {}
            Note::Unknown => {
                ledger.note_unknown(self.parcel.id).committed().await?;
                self.parcel.unknown = true;
            }
            Note::RefusalSeen => {
                let noting = ledger.note_refusal_seen(self.parcel.id);
                noting.committed().await?;
                (self.parcel.unknown, self.parcel.refusal_seen) = (true, true);
            }
            Note::Renewed => {
                self.parcel.generation = ledger.renew(self.parcel.id).committed().await?;
            }
        }
        Ok(())
    }

    fn back_off(&self, judged: &Judged) -> Step {
        if matches!(judged.verdict, Verdict::Duplicate) {
            // The refusal under the old id is remembered; under its new id it is a first attempt.
            return Step::Again(BACKOFF_BASE);
        }
        let backoff = Backoff {
            base: BACKOFF_BASE,
            max_delay: self.context.retry.max_delay,
            budget: self.context.retry.retry_for,
        };
        let decision = backoff.decide(&Tried {
            verdict: &judged.verdict,
            attempts: self.attempts,
            elapsed: self.begun.elapsed(),
            random: rand::random(),
            retry_after: judged.retry_after,
        });
        match decision {
            Decision::Wait(wait) => {
                self.context.tell(&Event::Retry {
                    partition: self.date.partition().clone(),
                    records: Some(self.parcel.records()),
                    attempt: self.attempts,
                    judged: judged.clone(),
                    wait,
                });
                Step::Again(wait)
            }
            Decision::Stop(_) => Step::Leave(Outcome::Exhausted(format!(
                "{}: after {} attempt(s) in {} s, {}; run the same command again",
                self.date.partition(),
                self.attempts,
                self.begun.elapsed().as_secs(),
                explain::answer(judged)
            ))),
        }
    }

    /// Gives the parcel back to whoever takes it apart.
    fn hand_over(&mut self, make: impl FnOnce(Box<Parcel>) -> Outcome) -> Outcome {
        make(Box::new(std::mem::take(&mut self.parcel)))
    }
}

/// Those that wait for the first batch learn that it goes on.
fn heard(context: &Context, date: &DateRun) {
    context.probe.heard();
    date.probe.heard();
}

mod blocked;
mod only_row;
