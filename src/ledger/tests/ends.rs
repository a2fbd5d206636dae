//! How a run ends, and the next one of the same command.

use super::*;

impl Desk {
    /// The process dies without ending its run, and whatever it had intended may have left; the same command
    /// is run again.
    pub(super) fn crash(self) -> Self {
        // As after a reboot: nothing is known of what waited.
        let departures = self.dir.path().join("departures");
        std::fs::remove_dir_all(departures).unwrap();
        self.kill()
    }

    /// The process is killed; the same command is run again.
    pub(super) fn kill(self) -> Self {
        let Self {
            dir,
            ledger,
            input,
            at,
            ..
        } = self;
        drop((ledger, input.lock));
        Self::again(dir, input.id, at)
    }

    /// The run ends in good order; the same command is run again.
    pub(super) fn end_and_run_again(self) -> Self {
        let ended = self.ledger.end_run(self.run, 5);
        ended.committed_blocking().unwrap();
        self.crash()
    }

    fn again(dir: TempDir, input: InputId, at: (u64, u64)) -> Self {
        let ledger = open(&dir);
        let wanted = registration(&["2022-01-01"], &[known_input("a.jsonl", 1, input)]);
        let mut registered = ledger.register(wanted).committed_blocking().unwrap();
        Self {
            dir,
            ledger,
            run: registered.run,
            row: registered.partitions.remove(0),
            input: registered.inputs.remove(0),
            departures: registered.departures,
            at,
        }
    }
}
