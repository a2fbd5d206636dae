"""One task: the rows of one partition through the program, with a ledger of its own.

The task never sends ``done``. Its ledger is thrown away with it; whoever repeats the task makes the
same Request-Ids from the same rows, so the platform takes each batch once.
"""

import ctypes
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess

from . import binary
from .cut_off import are_cut_off
from .encode import RejectedValue
from .kept import UNDETERMINED
from .order import Sorter
from .scratch import Scratch, answers, letters

#: Ends what the program reads; without it the program knows that the task was killed.
END_MARK = b"\x04\n"
#: Bytes written to the program at one time.
_CHUNK = 1 << 18
#: Rejected rows that one task brings back; as the program, it stops behind them.
MAX_REJECTS = 100_000
#: Request-Ids that one task brings back.
_MAX_IDS = 10_000

#: Statuses that another attempt may end otherwise: temporary, another run, a signal.
_TEMPORARY = (5, 11, 130, 143)


def _advice(status):
    if status in _TEMPORARY or status < 0:
        return "nothing of it is lost, repeat the job"
    return "nothing of it is lost, but repeating the job alone does not help: what is said below has to be mended first"


def _reason(status, report, said):
    """What the program said; where it said nothing, what its report says, or what else it can have been."""
    said = binary.without_next(said).strip()[-4000:] or "\n".join(str(problem) for problem in report.get("problems", ()))
    if status == 5:
        said += (
            "\nIf the platform answers, it may be the quota service on the driver that does not: it ends with the driver's "
            "process, and executors have to reach it (option quotaHost)."
        )
    return said.strip()


class TaskError(RuntimeError):
    """The rows of a partition could not be uploaded; the task may be repeated."""


class Tally:
    """Number of rows and a digest that does not depend on their order."""

    def __init__(self):
        self.rows, self.digest = 0, 0

    def add(self, line):
        self.rows += 1
        self.digest += int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big")

    def told(self):
        return {"rows": self.rows, "digest": self.digest % (1 << 64)}


class Task:
    """What a task is told by the driver, and what it brings back."""

    def __init__(self, plan, encoder, partition, attempt, stream=None):
        self.plan, self.encoder = plan, encoder
        self.partition, self.attempt, self.stream = partition, attempt, stream
        self.rejects, self.tallies, self.sent, self.ids = [], {}, {}, []
        #: Batches with rows rejected in an earlier run, which the platform has already.
        self.again = []
        #: Batches of which the platform did not say which rows it rejected.
        self.undetermined = []
        #: What earlier attempts on this machine had been told of rejected rows.
        self.found = []
        #: Why the job has to fail although this task does not.
        self.failed = None
        self.scratch = None

    def run(self, rows):
        """Uploads the rows and tells what became of them."""
        self.scratch = Scratch(f"{self._seed()}|{self.plan['options'].target}")
        try:
            self.found = [self._told(letter, letter["date"]) for letter in self.scratch.inherit()]
            for day, lines in itertools.groupby(self._lines(rows, self.scratch.folder), key=lambda it: it[0]):
                self._send(day, (line for _, line in lines), self.scratch.folder)
                if self.failed:
                    break
        finally:
            self.scratch.close()
        return {
            "partition": self.partition,
            "attempt": self.attempt,
            "dates": {day: dict(self.sent.get(day, {}), **tally.told()) for day, tally in self.tallies.items()},
            "rejects": self.rejects,
            "request_ids": self.ids,
            "again": self.again,
            "undetermined": self.undetermined,
            "found": self.found,
            "failed": self.failed,
            "stream": self.stream,
        }

    def _lines(self, rows, scratch):
        options = self.plan["options"]
        lines = self._encoded(rows)
        if not options.sort and not options.date_column:
            return lines
        sorter = Sorter(scratch, options.sort_memory)
        for day, line in lines:
            sorter.add(day, line)
        return sorter

    def _encoded(self, rows):
        closed = self.plan["closed"]
        for number, row in enumerate(rows, start=1):
            day = None
            try:
                day = self.encoder.day(row)
                line = self.encoder.line(row)
            except RejectedValue as reason:
                self._reject(day, reason, row, number)
                continue
            if day not in self.tallies:
                self.tallies[day] = Tally()
            self.tallies[day].add(line)
            if day not in closed:
                yield day, line
        if are_cut_off():
            raise TaskError(
                f"partition {self.partition}: its rows broke off, because what makes them failed; nothing behind the last whole "
                "batch was sent"
            )

    def _reject(self, day, reason, row, number):
        self._add_reject(
            {
                "date": day or None,
                "code": reason.code,
                "message": reason.message,
                "column": reason.column,
                "source": "local",
                "raw": repr(row)[:100_000],
                "partition": self.partition,
                "record": number,
                "request_id": None,
            }
        )

    def _add_reject(self, reject):
        if len(self.rejects) >= MAX_REJECTS:
            raise TaskError(f"partition {self.partition}: more than {MAX_REJECTS} rows are rejected, the first of them: {self.rejects[0]}")
        self.rejects.append(reject)

    def _seed(self, *of_day):
        """What a repeated task has in common with this one, for all days or for one."""
        parts = [self.plan["options"].identity, *of_day, self.partition, *(self.stream or ())]
        return "|".join(str(part) for part in parts)

    def _command(self, day, scratch):
        plan, options = self.plan, self.plan["options"]
        command = [
            binary.find(options.binary), "write", "-", f"--topic={options.topic}", f"--stage={options.stage}",
            "--format", "jsonl", "--state-dir", os.path.join(scratch, "state"), "--end-mark",
            f"--request-id-seed={self._seed(plan['rounds'].get(day, 0), day)}",
            "--report", os.path.join(scratch, "report.json"), "--progress", "none",
            "--max-errors", "100%", "--batch-rows", str(options.batch_rows), *options.rate, *options.sending,
        ]
        if self.attempt > 0 or plan["begun_before"]:
            command.append("--seed-used")
        if day:
            command += ["--date", day, "--no-done"]
        else:
            command += ["--yes-i-mean", "streaming-only"]
        if plan.get("service"):
            command += ["--quota-service", plan["service"]["address"]]
        elif options.quota_machines > 1:
            command += ["--rate-share", f"1/{options.quota_machines}"]
        return command + options.connection

    def _send(self, day, lines, scratch):
        """Feeds the rows of one day to the program."""
        folder = os.path.join(scratch, f"day-{day}")
        os.mkdir(folder)
        environment = dict(os.environ)
        environment.pop("BYTEAIR_STATE_DIR", None)
        if self.plan.get("service"):
            environment["BYTEAIR_QUOTA_TOKEN"] = self.plan["service"]["token"]
        with open(os.path.join(folder, "messages"), "w+b") as messages:
            program = subprocess.Popen(
                self._command(day, folder), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages,
                env=environment, preexec_fn=_end_with_parent(), pass_fds=(self.scratch.descriptor(),),
            )
            try:
                _feed(program.stdin, lines)
            finally:
                # Whatever has happened here: without its mark the program sends no half batch.
                _close(program.stdin)
                status = program.wait()
            messages.seek(0)
            said = messages.read().decode("utf-8", "replace")
        before = len(self.rejects), len(self.undetermined)
        self._take(day, folder, status, said)
        told = self.rejects[before[0]:] + self.undetermined[before[1]:]
        self.scratch.note(letter for letter in told if letter["request_id"])
        shutil.rmtree(folder, ignore_errors=True)

    def _take(self, day, folder, status, said):
        where = f"partition {self.partition}" + (f", {day}" if day else "")
        try:
            with open(os.path.join(folder, "report.json"), "rb") as text:
                report = json.load(text)
        except (OSError, ValueError):
            report = {}
        try:
            self._hear(day, folder, status, report)
        except TaskError as error:
            self.failed = str(error)
            return
        # 3: rows were rejected, which the driver judges for all parts together, as it does what is undetermined.
        nothing_left = report.get("rows_pending") == 0 if status in (0, 3) else status == 7 and self.undetermined and not report["retryable"]
        if not report.get("finished") or not nothing_left:
            message = f"{where}: byteair-sync ended with status {status}; {_advice(status)}.\n{_reason(status, report, said)}"
            if self.undetermined or any(reject["request_id"] for reject in self.rejects):
                # A repeated task would be told that the platform has these batches, and not again what it rejected.
                self.failed = message
                return
            raise TaskError(message)
        tally = self.tallies[day]
        counts = {name: report[f"rows_{name}"] for name in ("read", "accepted", "unconfirmed", "rejected", "pending")}
        if counts["read"] != tally.rows or counts["read"] != sum(list(counts.values())[1:]):
            raise TaskError(f"{where}: the rows do not add up: {tally.rows} were given, {counts}")
        if status == 3:
            report["exit_status"] = 0
        self.sent[day] = dict(counts, report=report)

    def _hear(self, day, folder, status, report):
        """What the platform said of the batches."""
        answered, told = answers(folder), set()
        for letter in letters(folder):
            self._add_reject(self._told(letter, day))
            told.add(letter.get("request_id"))
        self.ids += list(answered)[: _MAX_IDS - len(self.ids)]
        earlier = self.plan["rejected"] | {letter["request_id"] for letter in self.found}
        self.again += [one for one, code in answered.items() if code == "409" and one in earlier]
        is_settled = status == 7 and report.get("finished") and not report.get("retryable")
        message = "; ".join(report.get("problems", []))[:2000] or "rows were refused (1001)"
        for one, code in answered.items():
            # Rows of it were rejected, or it got an answer that nobody knows, and no row is named.
            if one not in told and (code == "1001" or is_settled and code not in ("0", "200", "409")):
                letter = {"code": UNDETERMINED, "message": message, "request_id": one, "source": "server"}
                self.undetermined.append(self._told(letter, day))

    def _told(self, letter, day):
        names = ("code", "message", "column", "source", "raw", "record", "request_id")
        return dict({name: letter.get(name) for name in names}, date=day or None, partition=self.partition)


def _feed(pipe, lines):
    chunk, size = [], 0
    try:
        for line in lines:
            chunk.append(line)
            size += len(line) + 1
            if size >= _CHUNK:
                chunk.append(b"")
                pipe.write(b"\n".join(chunk))
                chunk, size = [], 0
        if chunk:
            chunk.append(b"")
            pipe.write(b"\n".join(chunk))
        pipe.write(END_MARK)
        pipe.flush()
    except BrokenPipeError:
        # It has ended before its input; its status says why.
        return


def _close(pipe):
    try:
        pipe.close()
    except BrokenPipeError:
        return


def _end_with_parent():
    """Has the program told when this process is gone, where the system can (Linux)."""
    try:
        set_option = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return lambda: set_option(1, signal.SIGTERM)
