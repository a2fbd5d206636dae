//! What a kill interrupted, read off the ledger that it left and the sandbox's record.

use crate::place::Place;
use crate::shape::Shaped;
use byteair_sync::sandbox::State;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fmt;

/// How far a run had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// This run is not in the ledger yet.
    Starting,
    /// Inputs are being registered, verified, read; this run has asked for nothing yet, or has got
    /// every answer.
    Reading,
    /// Batches are intended; the platform has none of their rows.
    Sending,
    /// The platform has rows whose outcome the ledger does not know.
    Settling,
    /// All is read and settled; no gate is sealed.
    Sealing,
    /// A gate is sealed; the platform has not got its `done`.
    AskingDone,
    /// The platform has a `done` whose outcome the ledger does not know.
    SettlingDone,
    /// Some dates are done, the others not sealed.
    BetweenDates,
    /// All is done; the process had only to end.
    Ending,
}

/// Every phase, in order.
const PHASES: [Phase; 9] = [
    Phase::Starting,
    Phase::Reading,
    Phase::Sending,
    Phase::Settling,
    Phase::Sealing,
    Phase::AskingDone,
    Phase::SettlingDone,
    Phase::BetweenDates,
    Phase::Ending,
];

/// What the ledger says.
#[derive(Debug)]
struct Recorded {
    /// Process of the latest run.
    pid: u64,
    inputs_reading: u64,
    batches_intended: u64,
    rows_settled: u64,
    dates: u64,
    sealed: u64,
    done: u64,
}

impl Phase {
    /// The phase in which the run of this process was killed; `before` is how many requests the
    /// sandbox had seen when it began.
    pub(crate) fn at_kill(shaped: &Shaped, pid: u32, before: u64, state: &State) -> Self {
        let of_this_run = |recorded: &Recorded| recorded.pid == u64::from(pid);
        let Some(recorded) = Recorded::read(&shaped.place).filter(of_this_run) else {
            return Self::Starting;
        };
        let silent = state.requests_total == before;
        let accepted_dones: u64 = state.partitions.iter().map(|it| it.done_requests).sum();
        if accepted_dones > recorded.done {
            Self::SettlingDone
        } else if recorded.sealed > 0 {
            Self::AskingDone
        } else if recorded.done == recorded.dates && recorded.dates > 0 {
            Self::Ending
        } else if silent && recorded.inputs_reading > 0 {
            Self::Reading
        } else if state.rows_total > recorded.rows_settled {
            Self::Settling
        } else if recorded.batches_intended > 0 {
            Self::Sending
        } else if recorded.inputs_reading > 0 {
            Self::Reading
        } else if shaped.upload.streaming {
            Self::Ending
        } else if recorded.done > 0 {
            Self::BetweenDates
        } else {
            Self::Sealing
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Starting => "starting (run not recorded)",
            Self::Reading => "reading (nothing asked or unanswered)",
            Self::Sending => "sending (intended, not stored)",
            Self::Settling => "settling (stored, not recorded)",
            Self::Sealing => "sealing (all settled, none sealed)",
            Self::AskingDone => "done (sealed, not yet accepted)",
            Self::SettlingDone => "done (accepted, not recorded)",
            Self::BetweenDates => "between dates (some done, none sealed)",
            Self::Ending => "ending (all done)",
        }
    }
}

impl Recorded {
    fn read(place: &Place) -> Option<Self> {
        let copy = place.copy_of_ledger()?;
        let db = Connection::open(copy.path().join("ledger.db")).unwrap();
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'partition'";
        // A kill may also fall between the creation of the file and that of its tables.
        if db.query_row(tables, [], |row| row.get(0)) != Ok(1_i64) {
            return None;
        }
        let counts = "SELECT
            (SELECT coalesce(max(pid), 0) FROM run WHERE id = (SELECT max(id) FROM run)),
            (SELECT count(*) FROM input WHERE state = 'reading'),
            (SELECT count(*) FROM batch WHERE state = 'intended'),
            (SELECT coalesce(sum(accepted + unconfirmed), 0) FROM batch),
            (SELECT count(*) FROM partition),
            (SELECT count(*) FROM partition WHERE gate = 'sealed'),
            (SELECT count(*) FROM partition WHERE gate IN ('done', 'done_unconfirmed'))";
        let counts: [i64; 7] = db
            .query_row(counts, [], |row| {
                let column = |at: usize| row.get(at);
                Ok([
                    column(0)?,
                    column(1)?,
                    column(2)?,
                    column(3)?,
                    column(4)?,
                    column(5)?,
                    column(6)?,
                ])
            })
            .unwrap();
        let [
            pid,
            inputs_reading,
            batches_intended,
            rows_settled,
            dates,
            sealed,
            done,
        ] = counts.map(|count| u64::try_from(count).unwrap());
        Some(Self {
            pid,
            inputs_reading,
            batches_intended,
            rows_settled,
            dates,
            sealed,
            done,
        })
    }
}

/// Kills by phase and by the shape of the upload.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    phases: BTreeMap<Phase, usize>,
    shapes: BTreeMap<&'static str, BTreeMap<Phase, usize>>,
}

impl Histogram {
    pub(crate) fn count(&mut self, shape: &'static str, phase: Phase) {
        *self.phases.entry(phase).or_default() += 1;
        let phases = self.shapes.entry(shape).or_default();
        *phases.entry(phase).or_default() += 1;
    }

    pub(crate) fn total(&self) -> usize {
        self.phases.values().sum()
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().max(1);
        for phase in PHASES {
            let kills = self.phases.get(&phase).copied().unwrap_or_default();
            let bar = "#".repeat((kills * 60).div_ceil(total));
            writeln!(f, "{:<40} {kills:>5}  {bar}", phase.text())?;
        }
        writeln!(f, "by shape; columns are the phases above in their order")?;
        for (shape, phases) in &self.shapes {
            let kills: usize = phases.values().sum();
            write!(f, "{shape:<40} {kills:>5} ")?;
            for phase in PHASES {
                let kills = phases.get(&phase).copied().unwrap_or_default();
                write!(f, " {kills:>4}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
