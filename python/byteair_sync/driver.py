"""The driver's side of an upload: what the tasks are told, and ``done`` when all of them are in.

The date belongs to the driver's ledger, in a state directory that has to survive the driver. What was
begun and what was in a date when its ``done`` was sent is kept beside it, so that a rerun finds out
whether it is the same upload.
"""

import functools
import hashlib
import os
import secrets

from .encode import Encoder
from .errors import DoneUnknown, UploadError
from .kept import KeptRejects
from .ledger import Ledger
from .options import OptionError
from .record import Record, known_day
from .rejects_path import write_rejects
from .service import QuotaService
from .total import Total
from .waits import Waits, days_at, tell

#: The program's status when the platform refuses what time does not change.
_REFUSED = 6


def prepare(options, schema, running=None):
    """What every task is told. Nothing is sent; the quota service is started.

    ``running`` names a service that several uploads of one driver share, as micro-batches do."""
    Encoder(schema, options)
    driver = Driver(options)
    driver.ledger.check()
    make_folder(options.rejects_path)
    plan = {"options": options, "closed": [], "asked": [], "rounds": {}, "begun_before": True, "service": None}
    plan.update(rejected=driver.kept.ids(), shares_service=running is not None)
    if options.quota == "service":
        plan["service"] = driver.service.start(running or f"run-{secrets.token_hex(8)}")
    try:
        if not options.is_streaming_stage:
            plan.update(driver.waits.begin())
    except BaseException:
        driver.end(plan)
        raise
    return plan


class Driver:
    """The state of uploads of one topic and stage on the driver's machine."""

    def __init__(self, options):
        self.options = options
        self.state_dir = os.path.abspath(options.state_dir)
        self.folder = os.path.join(self.state_dir, "spark")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.ledger = Ledger(options, self.state_dir)
        self.service = QuotaService(options, self.ledger, self.folder)

    @functools.cached_property
    def name(self):
        """That of the target's topic and stage. By whatever options and variables the target is named, and by
        whichever of its hosts it is reached, it is the same."""
        words = [self.options.topic, self.options.stage, self.ledger.target]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:24]

    @functools.cached_property
    def record(self):
        """What is known of its uploads."""
        return Record(os.path.join(self.folder, f"{self.name}.json"))

    @functools.cached_property
    def waits(self):
        """Which days wait for which uploads."""
        return Waits(self.options, self.ledger, self.record)

    @functools.cached_property
    def kept(self):
        """The rejected rows that earlier runs of the upload were told of."""
        return KeptRejects(self.folder, f"{self.name} {self.options.identity}")

    def commit(self, plan, results):
        """Checks that everything is in, and sends ``done`` for each day of it; gives what it came to."""
        try:
            known = self.record.read()["dates"]
            closed = {day: known.get(day, {}).get("uploads", {}) for day in plan["closed"]}
            total = Total(self.options, results, self.kept.read(), closed)
            if self.options.rejects_path:
                write_rejects(self.options, total)
            if not self.options.is_streaming_stage:
                self.kept.keep(total.told_now)
            held = self._judge(plan, total)
            for remark in total.remarks(set(total.dates) - set(plan["closed"]) - set(held)):
                tell(remark)
            for remark in total.remarks_of_closed(plan, self.record.read()["dates"]):
                tell(remark)
            if not self.options.is_streaming_stage:
                self._finish(plan, total, held)
            return total
        finally:
            self.end(plan)

    def _judge(self, plan, total):
        """Fails when something keeps every ``done`` back; takes note of what is in each day otherwise.

        Gives the days that are held back for something of their own, with that; it is nothing to the others."""
        problems = list(total.problems())
        held = total.problems_of_days(plan["closed"]) if not total.failed else {}
        if self.options.is_streaming_stage:
            problems += sum(held.values(), [])
            if problems:
                # Nothing ends a stream, so only what has to be decided is kept.
                self.kept.keep(total.told_now)
                raise UploadError("; ".join(problems) + self._ways_out(total))
            return {}
        held.update(total.late(plan, self.record.read()["dates"]))
        if not total.failed:
            waiting = set(total.dates) if problems else set(held)
            self.waits.know_days(total, waiting - set(plan["closed"]))
        if problems:
            problems += sum(held.values(), [])
            raise UploadError("; ".join(problems) + f"; no done was sent by this run{self._ways_out(total)}")
        with self.record.changing() as record:
            for day in set(total.dates) - set(plan["closed"]):
                if total.is_accounted_for(day):
                    known_day(record, day)["uploads"][self.options.identity] = total.told(day)
        return held

    def _ways_out(self, total):
        if not total.is_beyond_budget:
            return ""
        ending = "it goes through" if self.options.is_streaming_stage else "done is sent"
        loss = (
            f"The same job again with a maxErrors that covers them accepts their loss, and {ending}; until then it ends like this. "
            if not total.is_all_lost
            else ""
        )
        given_up = "" if self.options.is_streaming_stage else f" and with giveUp={self.options.identity!r}"
        return (
            f". The rejected rows lie in {self.kept.path} on the driver. {loss}To send them corrected, write the corrected "
            f"rows alone, under another uploadId{given_up}"
        )

    def end(self, plan):
        """Micro-batches have one quota service, which ends with the driver; every other upload has its own."""
        if plan["service"] and not plan["shares_service"]:
            self.service.stop(plan["service"]["name"])

    def _finish(self, plan, total, held):
        """One ``done`` after the other; tells which were sent even when one of them fails or is held back."""
        unknown, failed = [], []
        asked = set(total.dates) & set(plan["asked"])
        self.waits.give_up_undated()
        for day in sorted((set(total.dates) - set(plan["closed"]) | asked) - set(held)):
            try:
                if day not in asked:
                    self.waits.wait_for_undated(day)
                    self.ledger.enter(day, self.options.identity)
                    self.waits.give_up(day)
                if not self.options.done:
                    continue
                self._done(day, total)
                total.sent.append(day)
                with self.record.changing() as record:
                    known_day(record, day)["done"] = True
            except DoneUnknown as error:
                unknown.append(str(error))
            except UploadError as error:
                failed.append(str(error))
        if held:
            failed += sum((held[day] for day in sorted(held)), [])
            failed[-1] += f"; no done was sent by this run for {', '.join(sorted(held))}{self._ways_out(total)}"
        if unknown or failed:
            out = f"done was sent for {', '.join(total.sent)}; " if total.sent else "" if unknown or held else "no done was sent; "
            raise (DoneUnknown if unknown else UploadError)(out + "; ".join(unknown + failed))

    def _done(self, day, total):
        """Sends ``done`` for a day that is in the ledger."""
        status, err = self.ledger.done(day, total.dates[day]["reports"])
        if status == 0:
            return
        found = self.ledger.days().get(day)
        again = self.ledger.done_again(day)
        if found and found.gate == "sealed":
            raise DoneUnknown(
                f"every row of {day} is in and its done was sent, but nobody knows whether it got through (status {status}); "
                f"the same job again, or {again}, asks under the same Request-Id. {err[-2000:]}"
            )
        if found and found.unfinished:
            raise UploadError(self.waits.told(day, found.unfinished, status))
        if status == _REFUSED:
            raise UploadError(f"every row of {day} is in, and the platform refuses its done (status {status}). {err[-2000:]}")
        raise UploadError(
            f"every row of {day} is in, and its done was not accepted (status {status}); the same job again, or {again}, "
            f"sends it. {err[-2000:]}"
        )

    def abort(self, plan, results=()):
        """Says what of the upload went out before it failed; it cannot be taken back.

        What its tasks were told of rejected rows is kept: the platform does not say it again."""
        told = [result["rejects"] + result["undetermined"] + result["found"] for result in results if result is not None]
        self.kept.keep(sum(told, []))
        self.end(plan)
        if self.options.is_streaming_stage:
            return "the batch failed; what was uploaded of it stays, and the same batch again sends it under the same ids"
        self.waits.know_begun(results, plan["closed"])
        days, told = self.ledger.days(), []
        sent, unknown = sorted(set(days_at(days, "done")) - set(plan["closed"])), days_at(days, "sealed")
        if sent:
            told.append(
                f"AFTER done was sent for {', '.join(sent)}: those days are complete on the platform and take no more rows"
            )
        if unknown:
            told.append(
                f"and done for {', '.join(unknown)} was sent, but nobody knows whether it got through: the same job again asks "
                "under the same Request-Id, and does what else is left"
            )
        if told:
            return f"the job failed {'; '.join(told)}" + ("" if unknown else ". Once its cause is mended, the same job again does the rest")
        return (
            "the job failed and no done was sent; once its cause is mended, the same job again completes it under the same "
            "Request-Ids"
        )


def make_folder(path):
    """Finds out before the upload whether the rejected rows can be written behind it."""
    if path:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise OptionError(f"option rejectsPath: {path} cannot be made a folder: {error}; nothing was sent") from None
