//! Sealing a date and telling the platform that it is complete.
//!
//! The only code that sends `done`, and it takes a [`SealedPartition`] to do so. `done` follows the
//! same rules as a batch, decided by [`life`]: after an attempt of unknown outcome it keeps its id,
//! and then 409, "acked" and "done" mean that it got through.

use super::attempt::{Attempt, Load, attempt};
use super::context::Services;
use super::event::{DoneOutcome, Event, Gauges};
use super::explain;
use super::life::{self, DoneThen, Note};
use super::looks::Looks;
use super::machines;
use super::outcome::WorkerError;
use super::report::Status;
use super::settings::RetrySettings;
use super::worker::BACKOFF_BASE;
use crate::domain::{DateState, Judged, Partition, Verdict};
use crate::http::{Outgoing, Refresh, SigningGeneration};
use crate::input::Stores;
use crate::ledger::{DoneSettlement, Replay, RunId, SealOutcome, SealRequest, SealedPartition};
use crate::protocol::{Call, DEFAULT_GZIP_LEVEL, DoneFormat, Gzip, done_body};
use crate::retry::{Backoff, Decision, Tried};
use bytes::Bytes;
use std::time::{Duration, Instant};

mod report;

pub(super) use report::{DoneReport, withheld};
use report::{failed, interrupted};

/// How the reason of a date begins that the platform does not take.
pub(super) const REFUSED_DATE: &str = "the platform refused this date";

/// How often a date that another process is sealing is looked at again.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// How long to wait for that other process, which is usually about to end.
const BUSY_PATIENCE: Duration = Duration::from_millis(600);

/// What is needed to finish a date, besides the date.
#[derive(Clone)]
pub(super) struct Finisher {
    /// Ledger, client, limiter.
    pub(super) services: Services,
    /// The run that asks.
    pub(super) run: RunId,
    /// How long to try.
    pub(super) retry: RetrySettings,
    /// Form of the request.
    pub(super) format: DoneFormat,
    /// Dead letters that become replayed before the date is looked at.
    pub(super) replay: Option<Replay>,
    /// Dates whose `done` another machine has sent, as its report says.
    pub(super) done_elsewhere: Vec<Partition>,
    /// By which inputs in remote stores are looked at.
    pub(super) stores: Stores,
    /// The right to look into the ledger with a connection of one's own.
    pub(super) looks: Looks,
}

impl Finisher {
    /// Seals the date if nothing is missing and sends its `done`.
    pub(super) async fn finish(
        &self,
        partition: &Partition,
        request: SealRequest,
    ) -> Result<DoneReport, WorkerError> {
        let begun = Instant::now();
        let report = loop {
            let sealing = self.services.ledger.seal(partition.target.clone(), request);
            match sealing.committed().await? {
                SealOutcome::Sealed(sealed) => break self.send(*sealed).await?,
                SealOutcome::AlreadyDone { unconfirmed } => {
                    break DoneReport {
                        outcome: DoneOutcome::Already,
                        status: Status::Success,
                        why: if unconfirmed {
                            "its reply was lost; the platform's later answers say that it got through".to_owned()
                        } else {
                            String::new()
                        },
                        missing: Vec::new(),
                    };
                }
                SealOutcome::Withheld(missing) => break withheld(missing),
                SealOutcome::Refused => {
                    break DoneReport {
                        outcome: DoneOutcome::Withheld,
                        status: Status::Refused,
                        why: format!(
                            "{REFUSED_DATE}; no row of it is stored, and it takes no done"
                        ),
                        missing: Vec::new(),
                    };
                }
                SealOutcome::OpenAgain => {
                    break failed(
                        Status::Temporary,
                        "another run has just ended without its done; run the same command again"
                            .to_owned(),
                    );
                }
                SealOutcome::Busy { .. } if begun.elapsed() < BUSY_PATIENCE => {
                    tokio::select! {
                        () = tokio::time::sleep(BUSY_PAUSE) => {}
                        () = self.services.stop.draining() => break interrupted(false),
                    }
                }
                SealOutcome::Busy { holder } => {
                    break DoneReport {
                        outcome: DoneOutcome::Withheld,
                        status: Status::Busy,
                        why: format!("{holder} is sending done for this date"),
                        missing: Vec::new(),
                    };
                }
            }
        };
        self.services.observer.observe(&Event::Done {
            partition: partition.clone(),
            outcome: report.outcome,
            why: report.why.clone(),
        });
        Ok(report)
    }

    async fn send(&self, mut sealed: SealedPartition) -> Result<DoneReport, WorkerError> {
        let call = Call::Done {
            topic: sealed.topic().clone(),
            stage: sealed.partition().stage,
            format: self.format,
        };
        let body = Gzip::new(DEFAULT_GZIP_LEVEL).compress(&done_body(sealed.date(), self.format));
        let mut outgoing = Outgoing::new(call, sealed.request_id(), Bytes::from(body));
        let mut tries = Tries {
            begun: Instant::now(),
            attempts: 0,
            refreshed: false,
            signed_with: self.services.client.signing_generation(),
        };
        loop {
            if tries.attempts > 0 {
                Gauges::add(&self.services.gauges.retries, 1);
                outgoing = outgoing.with_request_id(sealed.request_id());
            }
            tries.attempts = tries.attempts.saturating_add(1);
            tries.signed_with = self.services.client.signing_generation();
            let load = Load::NONE;
            let mut unnoted = None;
            let begins = || match self.services.ledger.note_done_departs(&sealed) {
                Ok(()) => Some(()),
                Err(error) => {
                    unnoted = Some(error);
                    None
                }
            };
            let attempted = attempt(&self.services, &outgoing, load, || false, begins).await?;
            if let Some(error) = unnoted {
                return Err(error.into());
            }
            let judged = match attempted {
                Attempt::Answered(answer) => answer.judged,
                Attempt::NotBegun | Attempt::FitsBadly => {
                    return self.leave(sealed, interrupted(false)).await;
                }
                Attempt::GivenUp => {
                    let note = life::after_giving_up(sealed.has_unknown_attempt());
                    self.note(&mut sealed, note).await?;
                    return self.leave(sealed, interrupted(true)).await;
                }
            };
            let unknown = sealed.has_unknown_attempt();
            let arrow = life::after_done_answer(unknown, tries.refreshed, &judged.verdict);
            self.note(&mut sealed, arrow.note).await?;
            match self.after(&sealed, arrow.then, &judged, &mut tries) {
                Step::Again(wait) => tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.services.stop.draining() => {
                        let unknown = sealed.has_unknown_attempt();
                        return self.leave(sealed, interrupted(unknown)).await;
                    }
                },
                Step::Got(settlement, report) => {
                    self.settle(sealed, settlement, &report.why).await?;
                    return Ok(report);
                }
                Step::Hold(report) => {
                    // Only a person who has looked may ask again.
                    let (id, why) = (sealed.id(), report.why.clone());
                    let holding = self.services.ledger.hold_back(id, self.run, why);
                    holding.committed().await?;
                    return self.leave(sealed, report).await;
                }
                Step::Leave(report) => return self.leave(sealed, report).await,
            }
        }
    }

    async fn note(&self, sealed: &mut SealedPartition, note: Note) -> Result<(), WorkerError> {
        let ledger = &self.services.ledger;
        match note {
            Note::Nothing => {}
            // Nothing that `done` is answered is a list of rows.
            Note::Unknown | Note::RefusalSeen => ledger.note_done_unknown(sealed).await?,
            Note::Renewed => ledger.renew_done(sealed).await?,
        }
        Ok(())
    }

    fn after(
        &self,
        sealed: &SealedPartition,
        then: DoneThen,
        judged: &Judged,
        tries: &mut Tries,
    ) -> Step {
        match then {
            DoneThen::Got(DoneSettlement::Unconfirmed) => {
                let why = format!(
                    "an earlier attempt got through, its reply was lost ({})",
                    explain::answer(judged)
                );
                got(DoneSettlement::Unconfirmed, why)
            }
            DoneThen::Got(settlement) => {
                let why = sealed.forced().map(|missing| {
                    format!("forced by hand although something was missing: {missing}")
                });
                got(settlement, why.unwrap_or_default())
            }
            DoneThen::BackOff => self.back_off(sealed, judged, tries),
            DoneThen::Refresh => {
                tries.refreshed = true;
                self.refresh(judged, tries);
                Step::Again(Duration::ZERO)
            }
            DoneThen::Unauthorized => {
                let (status, why) = explain::unauthorized(judged, &self.refresh(judged, tries));
                Step::Leave(failed(status, why))
            }
            DoneThen::Foreign => {
                let why = format!(
                    "{}: done was answered 409 (already received) although this ledger knows of no earlier attempt; was the state directory copied? Look in the console whether the date is done; if it is not, 'byteair-sync done' that names the date asks again under another id",
                    sealed.partition()
                );
                Step::Hold(failed(Status::Refused, why))
            }
            DoneThen::Stop if judged.verdict == Verdict::PoisonSuspected => {
                let why = format!(
                    "{}: done was refused for a reason that is in no documentation: {}. Look at the date in the console, then run the same command again; all rows are in",
                    sealed.partition(),
                    explain::answer(judged)
                );
                Step::Leave(failed(Status::Refused, why))
            }
            DoneThen::Stop if !is_past_done(judged) => {
                let (status, why) = explain::stopping(sealed.partition(), judged);
                Step::Leave(failed(status, why))
            }
            DoneThen::Stop if self.done_elsewhere.contains(sealed.partition()) => {
                got_elsewhere(&explain::answer(judged))
            }
            DoneThen::Stop => {
                let (status, why) = explain::stopping(sealed.partition(), judged);
                let other = machines::done_elsewhere(sealed.partition());
                Step::Leave(failed(status, format!("{why}. {other}")))
            }
        }
    }

    /// Reads the credentials again.
    fn refresh(&self, judged: &Judged, tries: &Tries) -> Refresh {
        let client = &self.services.client;
        client.refresh_after_unauthorized(tries.signed_with, judged.server_time)
    }

    fn back_off(&self, sealed: &SealedPartition, judged: &Judged, tries: &Tries) -> Step {
        let backoff = Backoff {
            base: BACKOFF_BASE,
            max_delay: self.retry.max_delay,
            budget: self.retry.retry_for,
        };
        let decision = backoff.decide(&Tried {
            verdict: &judged.verdict,
            attempts: tries.attempts,
            elapsed: tries.begun.elapsed(),
            random: rand::random(),
            retry_after: judged.retry_after,
        });
        let wait = match decision {
            Decision::Wait(wait) => wait,
            Decision::Stop(_) => {
                let why = format!(
                    "after {} attempt(s), {}; run the same command again",
                    tries.attempts,
                    explain::answer(judged)
                );
                let outcome = if sealed.has_unknown_attempt() {
                    DoneOutcome::Unknown
                } else {
                    DoneOutcome::Withheld
                };
                return Step::Leave(DoneReport {
                    outcome,
                    status: Status::Temporary,
                    why,
                    missing: Vec::new(),
                });
            }
        };
        self.services.observer.observe(&Event::Retry {
            partition: sealed.partition().clone(),
            records: None,
            attempt: tries.attempts,
            judged: judged.clone(),
            wait,
        });
        Step::Again(wait)
    }

    /// Ends without `done`: a date of which nothing is unknown is open again.
    async fn leave(
        &self,
        sealed: SealedPartition,
        report: DoneReport,
    ) -> Result<DoneReport, WorkerError> {
        if let Some(settlement) = life::after_leaving_done(sealed.has_unknown_attempt()) {
            self.settle(sealed, settlement, &report.why).await?;
        }
        Ok(report)
    }

    async fn settle(
        &self,
        sealed: SealedPartition,
        settlement: DoneSettlement,
        why: &str,
    ) -> Result<(), WorkerError> {
        self.services
            .ledger
            .settle_done(sealed, self.run, settlement, why.to_owned())
            .await?;
        Ok(())
    }
}

struct Tries {
    begun: Instant,
    attempts: u32,
    refreshed: bool,
    signed_with: SigningGeneration,
}

enum Step {
    Again(Duration),
    Got(DoneSettlement, DoneReport),
    Leave(DoneReport),
    /// The same, and nobody asks again before a person does.
    Hold(DoneReport),
}

/// Whether the platform has had a `done` of the date, whoever sent it.
const fn is_past_done(judged: &Judged) -> bool {
    matches!(
        judged.verdict,
        Verdict::Date(DateState::Acked | DateState::Done)
    )
}

/// Another machine and the platform agree that it has sent it.
fn got_elsewhere(answer: &str) -> Step {
    Step::Got(
        DoneSettlement::Confirmed,
        DoneReport {
            outcome: DoneOutcome::Already,
            status: Status::Success,
            why: format!("another machine had sent it, by its report and the platform ({answer})"),
            missing: Vec::new(),
        },
    )
}

fn got(settlement: DoneSettlement, why: String) -> Step {
    let outcome = match settlement {
        DoneSettlement::Unconfirmed => DoneOutcome::Unconfirmed,
        _ => DoneOutcome::Sent,
    };
    Step::Got(
        settlement,
        DoneReport {
            outcome,
            status: Status::Success,
            why,
            missing: Vec::new(),
        },
    )
}
