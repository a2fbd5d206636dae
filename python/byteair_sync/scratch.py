"""The folder of a task, and what earlier ones of the same partition left on this machine.

The platform says only once which rows of a batch it rejects. An attempt that is killed takes that with it, and so
does a driver that is killed before it committed; but folders stay, and the next attempt looks there. So what a task
was told of rejected rows stays in its folder, even when all went well, until the next task for the same partition
inherits it, or for a month.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import time

from .kept import UNDETERMINED

#: How long the program of an attempt that was killed may go on: it is told to stop, and gives its requests 30 s.
_PATIENCE = 40
#: What the program's log says of a batch; the last answer counts.
_ANSWER = re.compile(r" answered (?:HTTP )?(?P<code>\d+)\b.*request_id[=:\" ]+(?P<id>[0-9a-f]{8}-[0-9a-f-]{27})")
#: What was told of days that the attempt is through with.
_TOLD = "told.jsonl"
#: Seconds after which the platform will have forgotten the batches, and nobody asks for a folder any more.
_FORGOTTEN = 30 * 24 * 3600
_PREFIX = "byteair-spark-"


class Scratch:
    """The folder of one attempt. It is locked while the attempt or its program lives."""

    def __init__(self, name):
        # Whoever repeats the task, in a later job too, has the same name.
        self._prefix = f"{_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:24]}-"
        self.folder = tempfile.mkdtemp(prefix=self._prefix)
        self._lock = open(os.path.join(self.folder, "lock"), "wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.told = os.path.join(self.folder, _TOLD)
        _sweep()

    def descriptor(self):
        """What the program has to hold, too, so that nobody looks here before it has ended."""
        return self._lock.fileno()

    def note(self, letters):
        """Keeps what was told of a day that is through."""
        lines = [json.dumps(letter) + "\n" for letter in letters]
        if lines:
            with open(self.told, "a", encoding="utf-8") as out:
                out.writelines(lines)

    def inherit(self):
        """What earlier attempts had been told of rejected rows, from their folders into this one."""
        found = []
        for path in _folders(self._prefix):
            if path != self.folder and _is_over(path, _PATIENCE):
                inherited = list(_told_in(path))
                self.note(inherited)
                found += inherited
                shutil.rmtree(path, ignore_errors=True)
        return found

    def close(self):
        """Leaves in the folder what was told, and no folder when that is nothing."""
        if not any(_told_in(self.folder)):
            shutil.rmtree(self.folder, ignore_errors=True)
        for path in glob.glob(os.path.join(glob.escape(self.folder), "sorted-*")):
            os.remove(path)
        self._lock.close()


def answers(folder):
    """The last answer to each batch of a run, by its Request-Id."""
    found = {}
    for path in glob.glob(os.path.join(glob.escape(folder), "state", "runs", "*", "run.log")):
        with open(path, encoding="utf-8", errors="replace") as log:
            found.update((one["id"], one["code"]) for one in map(_ANSWER.search, log) if one)
    return found


def letters(folder):
    """The rejected rows of a run, each with its reason."""
    for path in glob.glob(os.path.join(glob.escape(folder), "state", "rejects", "*.jsonl")):
        with open(path, "rb") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    # The program was killed while it wrote; the batch counts as one of unknown rows.
                    return


def _told_in(path):
    """What was told of batches, of days that are through and of those that are not."""
    told = os.path.join(path, _TOLD)
    if os.path.exists(told):
        with open(told, encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    for folder in glob.glob(os.path.join(glob.escape(path), "day-*")):
        day, ids = os.path.basename(folder)[len("day-"):], set()
        for letter in letters(folder):
            if letter.get("request_id"):
                ids.add(letter["request_id"])
                yield dict(letter, date=day or None)
        for one, code in answers(folder).items():
            if code == "1001" and one not in ids:
                message = "rows were refused (1001), and the attempt was killed before it noted which"
                yield {"code": UNDETERMINED, "message": message, "request_id": one, "source": "server", "date": day or None}


def _folders(prefix):
    """Folders of tasks that this user ran; that of temporary files may be open to others."""
    for path in sorted(glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), prefix + "*"))):
        try:
            if os.lstat(path).st_uid == os.getuid() and not os.path.islink(path):
                yield path
        except FileNotFoundError:
            continue


def _sweep():
    """Removes what was left so long ago that nobody asks for it."""
    for path in _folders(_PREFIX):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(path).st_mtime < time.time() - _FORGOTTEN and _is_over(path, 0):
                shutil.rmtree(path, ignore_errors=True)


def _is_over(path, patience):
    """Whether the attempt is gone, and its program with it."""
    until = time.monotonic() + patience
    try:
        with open(os.path.join(path, "lock"), "rb") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return True
                except BlockingIOError:
                    if time.monotonic() >= until:
                        return False
                    time.sleep(0.2)
    except FileNotFoundError:
        # It was just begun, or somebody else has read it.
        return False
