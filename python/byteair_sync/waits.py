"""Which uploads the ``done`` of a day waits for: those that have begun and are not complete.

An upload by ``dateColumn`` has days that nobody knows before every task of it is through. Until then each day that is
not done waits for it, and once they are known only those do.
"""

import shlex
import sys

from .ledger import NEW_DAY, input_name, upload_named
from .record import note_of_gates


def tell(text):
    """Says something in the driver's log."""
    print(f"byteair: {text}", file=sys.stderr, flush=True)


class Waits:
    """Those of one topic and stage, as its ledger and its record say."""

    def __init__(self, options, ledger, record):
        self.options, self.ledger, self.record = options, ledger, record

    def begin(self):
        """Takes note that the upload begins, before any task sends."""
        upload, days = self.options.identity, self.ledger.days()
        if self.options.date_column:
            # Nobody knows its days before every task is through, so each that is not done may be one of them.
            self._suspect(upload, {day: found for day, found in days.items() if not found.is_closed})
        elif not (self.options.date in days and days[self.options.date].is_closed):
            self.ledger.begin(self.options.date, upload)
        days = self.ledger.days()
        with self.record.changing() as record:
            note_of_gates(record, days)
            begun_before = upload in record["begun"]
            if not begun_before:
                record["begun"].append(upload)
            rounds = {day: known["round"] for day, known in record["dates"].items()}
        asked = days_at(days, "sealed")
        return {"closed": days_at(days, "done") + asked, "asked": asked, "rounds": rounds, "begun_before": begun_before}

    def _suspect(self, upload, days):
        """Has days wait for an upload whose days nobody knows, and notes that they wait for that alone."""
        name = input_name(upload)
        days = {day: name in found.finished for day, found in days.items() if name not in found.unfinished}
        with self.record.changing() as record:
            record["undated"].setdefault(upload, {}).update(days)
        for day in sorted(days):
            self.ledger.begin(day, upload)

    def _clear(self, upload, but=()):
        """Has days wait no longer for an upload for that alone."""
        for day, was_in in self.record.read()["undated"].get(upload, {}).items():
            if day not in but:
                (self.ledger.enter if was_in else self.ledger.drop)(day, upload)
        with self.record.changing() as record:
            record["undated"].pop(upload, None)

    def know_days(self, total, waiting):
        """Every task is through, so the days of the upload are known, and no other waits for it any longer."""
        upload = self.options.identity
        if not self.options.date_column:
            return
        for day in sorted(waiting):
            self.ledger.begin(day, upload)
        self._clear(upload, but=total.dates)

    def know_begun(self, results, closed):
        """Days of an upload that failed midway, as far as tasks told them, wait for it by name."""
        upload = self.options.identity
        record = self.record.read()
        if upload not in record["undated"]:
            return
        days = {day for result in results if result is not None for day in result["dates"]} - set(closed)
        for day in sorted(days):
            self.ledger.begin(day, upload)
        with self.record.changing() as record:
            for day in days & set(record["undated"].get(upload, ())):
                # It waits for it whatever comes.
                del record["undated"][upload][day]

    def wait_for_undated(self, day):
        """Has ``done`` of the day wait for uploads whose days nobody knows."""
        others = set(self.record.read()["undated"]) - {self.options.identity}
        found = self.ledger.days().get(day, NEW_DAY) if others else NEW_DAY
        for upload in sorted(others):
            self._suspect(upload, {day: found})

    def give_up_undated(self):
        """Has no day wait any longer for uploads whose days nobody knows and that the job gives up."""
        for upload in self.record.read()["undated"]:
            if upload not in self.options.give_up or upload == self.options.identity:
                continue
            self._clear(upload)
            with self.record.changing() as record:
                record["given_up"].append({"upload": upload, "day": None, "by": self.options.identity})
            tell(f"upload {upload}, whose days nobody knows, is given up (giveUp); what was accepted of it stays on the platform")

    def give_up(self, day):
        """Has the day wait no longer for what the job gives up."""
        for name in self.ledger.days()[day].unfinished if self.options.give_up else ():
            upload = upload_named(name)
            if upload not in self.options.give_up or not self.ledger.drop(day, upload):
                continue
            with self.record.changing() as record:
                record["given_up"].append({"upload": upload, "day": day, "by": self.options.identity})
            tell(f"{day}: what upload {upload} lacks is given up (giveUp); what was accepted of it stays on the platform")

    def told(self, day, unfinished, status):
        """What a day waits for, and what ends that."""
        undated, names, ways = self.record.read()["undated"], [], []
        for name in unfinished:
            upload = upload_named(name)
            words = shlex.join([*self.ledger.known(day), f"--state-dir={self.ledger.state_dir}", "--", name])
            drop = f"'byteair-sync ledger drop-input {words}'"
            if upload is None:
                names.append(name)
                ways.append(f"finish {name} or give it up by {drop}, then this job again")
                continue
            names.append(f"upload {upload}" + (" (whose days are not known yet)" if upload in undated else ""))
            ways.append(
                f"run the job with uploadId {upload!r} again and let it come to its end, then this job again if the other did not "
                f"send done; or give up what it lacks, on the record: this job again with giveUp={upload!r}"
                + ("" if upload in undated else f" (or {drop} and this job again)")
            )
        return (
            f"every row that this upload has for {day} is in, and its done is withheld (status {status}): {', '.join(names)} has "
            f"begun and is not complete. Either {'; '.join(ways)}"
        )


def days_at(days, gate):
    """The days that stand so."""
    return sorted(day for day, found in days.items() if found.gate == gate)
