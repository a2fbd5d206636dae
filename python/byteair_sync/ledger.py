"""The driver's ledger: which uploads of a day have begun, which are in, and the ``done`` of the day.

Each upload of a day is an input of it in the program's ledger, one without rows: those are the tasks' affair. It is
registered without the mark that ends it before a task sends, and with the mark when every row is in. Until then
``done`` of the day waits for it, whoever asks for that, and ``byteair-sync status`` shows it.
"""

import json
import os
import shlex
import tempfile
import time

from . import binary
from .errors import UploadError
from .options import OptionError

#: What the program puts before the name of an input that it is piped; the second word is ours.
_PREFIX = "stdin:spark "
_USAGE, _UNFINISHED, _LATE, _WITHHELD, _BUSY = 2, 4, 6, 7, 11
_END_MARK = b"\x04\n"


class Day:
    """How a day stands."""

    def __init__(self, told):
        #: ``done``, or ``sealed`` when nobody knows whether ``done`` got through.
        self.gate = "done" if told["gate"].startswith("done") else told["gate"]
        #: What its ``done`` waits for.
        self.unfinished = [one["name"] for one in told["inputs"] if not one["finished"]]
        self.finished = [one["name"] for one in told["inputs"] if one["finished"]]
        #: How often it was opened again for a re-sync.
        self.reopened = sum(event.split()[3:4] == ["reopened"] for event in told["events"])

    @property
    def is_closed(self):
        """It takes no rows; one that may be done takes none either."""
        return self.gate in ("done", "sealed")


#: One that the ledger does not know.
NEW_DAY = Day({"gate": "open", "inputs": [], "events": []})


def input_name(upload):
    """How the ledger spells an upload, by its ``uploadId``."""
    return _PREFIX + upload


def upload_named(name):
    """The ``uploadId`` of an input; ``None`` for one of the command line."""
    return name[len(_PREFIX):] if name.startswith(_PREFIX) else None


class Ledger:
    """What the program's ledger in a state directory holds of one topic and stage."""

    def __init__(self, options, state_dir):
        self.options, self.state_dir = options, state_dir

    def command(self, *words):
        """The words of the program for this ledger."""
        return [binary.find(self.options.binary), *words, f"--state-dir={self.state_dir}"]

    def where(self, *days):
        """The words that name the days, beside those that say whose they are."""
        return [f"--topic={self.options.topic}", f"--stage={self.options.stage}", *(f"--date={day}" for day in days)]

    @property
    def target(self):
        """Tenant, application and platform, as the ledger spells them."""
        if self.options.target is None:
            self.check()
        return self.options.target

    def known(self, *days):
        """The words for what the ledger holds of the days; it may hold days of other targets too."""
        return [*self.where(*days), f"--target={self.target}"]

    def done_again(self, day):
        """The command that asks for ``done`` of a day, for people."""
        # A proxy may have a password.
        target = [word for word in self.options.connection if not word.startswith("--proxy=")]
        return f"'byteair-sync done {shlex.join([*self.where(day), f'--state-dir={self.state_dir}', *target])}'"

    def check(self):
        """Has the program look at the options that it will be given, before a job begins that cannot end well.

        Takes over how the ledger spells the target."""
        options = self.options
        command = [*self._write(options.identity), "--dry-run", "--json", f"--batch-rows={options.batch_rows}"]
        if options.is_streaming_stage:
            command += [*self.where(), "--yes-i-mean=streaming-only"]
        else:
            command += [*self.where(options.date or "2022-01-01"), "--no-done", "--allow-empty"]
        status, out, err = binary.run(command, stdin=_END_MARK)
        if status == _USAGE:
            raise OptionError(f"an option cannot be taken; nothing was sent. {binary.without_next(err).strip()[-2000:]}")
        told = [line.get("target") for line in binary.json_lines(out) if line.get("type") == "summary"]
        if told and not told[0] and status == 0:
            raise UploadError(f"the program {binary.find(options.binary)} is older than this package; install both in one version; nothing was sent")
        if not told or not told[0]:
            raise UploadError(f"the driver's ledger cannot be read (status {status}); nothing was sent.\n{err}")
        options.target = "{tenant}/{application}@{platform}".format(**told[0])

    def days(self):
        """Each day that it knows."""
        status, out, err = binary.run(self.command("ledger", "show", "--json", *self.known()))
        if status not in (0, 8):
            raise UploadError(f"the driver's ledger cannot be read (status {status}); nothing was sent.\n{err}")
        return {line["date"]: Day(line) for line in binary.json_lines(out) if line.get("type") == "date"}

    def begin(self, day, upload):
        """Has ``done`` of the day wait for the upload; false when the day was done meanwhile."""
        status, err = self._register(day, upload, b"")
        if status not in (_UNFINISHED, _LATE):
            raise UploadError(f"that an upload of {day} begins could not be noted (status {status}); it sent nothing. {err[-2000:]}")
        return status == _UNFINISHED

    def enter(self, day, upload):
        """Takes note that every row of the upload is in."""
        status, err = self._register(day, upload, _END_MARK)
        # The day may be waiting for another upload.
        if status not in (0, _WITHHELD):
            raise UploadError(f"{day} could not be entered into the driver's ledger (status {status}): {err[-2000:]}")

    def _register(self, day, upload, content):
        command = [*self._write(upload), *self.where(day), f"--request-id-seed={upload}|driver|{day}", "--no-done", "--allow-empty"]
        for patience in range(30):
            status, _, err = binary.run(command, stdin=content)
            if status != _BUSY:
                break
            # Another driver is at the same upload; that takes a moment.
            time.sleep(0.2 + patience / 10)
        return status, binary.without_next(err)

    def _write(self, upload):
        options = self.options
        command = self.command("write", "-", f"--input-id=spark {upload}", "--format=jsonl", "--end-mark")
        return command + ["--progress=none", *options.rate, *options.sending, *options.connection]

    def drop(self, day, upload):
        """Has the day wait no longer for the upload; false when it does not."""
        command = self.command("ledger", "drop-input", *self.known(day))
        status, _, err = binary.run([*command, "--", input_name(upload)])
        if status not in (0, 8):
            raise UploadError(f"{day} could not be made not to wait for upload {upload} (status {status}): {err[-2000:]}")
        return status == 0

    def done(self, day, reports):
        """Asks for ``done``, with what the tasks reported; gives the status and the messages."""
        with tempfile.TemporaryDirectory(dir=os.path.join(self.state_dir, "spark"), prefix="reports-") as folder:
            names = []
            for number, report in enumerate(reports):
                names.append(f"{number}.json")
                with open(os.path.join(folder, names[-1]), "w", encoding="utf-8") as out:
                    json.dump(report, out)
            required = ["--require-report", *names] if names else []
            command = self.command("done", *self.where(day), *self.options.rate, *self.options.sending, *self.options.connection)
            status, _, err = binary.run(command + required, cwd=folder)
        return status, err
