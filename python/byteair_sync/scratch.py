"""The folder of a task, and what earlier ones of the same partition left on this machine.

The platform says only once which rows of a batch it rejects. An attempt that is killed takes that with it, and so
does a driver that is killed before it committed; but folders stay, and the next attempt looks there. So what a task
was told of rejected rows stays in its folder, even when all went well, until the next task for the same partition
inherits it, or for a month. Whatever else an attempt that was killed has left, rows among it, goes with the next task.
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
#: Held while the attempt or its program lives.
_LOCK = "lock"
#: Seconds after which the platform will have forgotten the batches, and nobody asks for a folder any more.
_FORGOTTEN = 30 * 24 * 3600
_PREFIX = "byteair-spark-"


class Scratch:
    """The folder of one attempt."""

    def __init__(self, name):
        # Whoever repeats the task, in a later job too, has the same name.
        self._prefix = f"{_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:24]}-"
        begun = tempfile.mkdtemp(prefix=f".{self._prefix}")
        self._lock = open(os.path.join(begun, _LOCK), "wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Nobody takes one that is not locked yet for one that was left.
        self.folder = os.path.join(os.path.dirname(begun), os.path.basename(begun)[1:])
        os.rename(begun, self.folder)
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
            if path == self.folder:
                continue
            with _left(path, _PATIENCE) as is_left:
                if is_left:
                    inherited = list(_told_in(path))
                    self.note(inherited)
                    found += inherited
                    shutil.rmtree(path, ignore_errors=True)
        return found

    def close(self):
        """Leaves in the folder what was told, and no folder when that is nothing."""
        _keep_told(self.folder)
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
    told, noted = os.path.join(path, _TOLD), set()
    if os.path.exists(told):
        with open(told, encoding="utf-8") as lines:
            for letter in map(json.loads, lines):
                noted.add(letter["request_id"])
                yield letter
    for folder in glob.glob(os.path.join(glob.escape(path), "day-*")):
        day, ids = os.path.basename(folder)[len("day-"):], set()
        for letter in letters(folder):
            # An attempt that was killed while it noted them has them in both places.
            if letter.get("request_id") and letter["request_id"] not in noted:
                ids.add(letter["request_id"])
                yield dict(letter, date=day or None)
        for one, code in answers(folder).items():
            if code == "1001" and one not in ids | noted:
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


def _keep_told(path):
    """Leaves in a folder what was told of rejected rows and nothing else; no folder when that is nothing."""
    told = list(_told_in(path))
    if not told:
        shutil.rmtree(path, ignore_errors=True)
        return
    others = set(os.listdir(path)) - {_LOCK, _TOLD}
    if others:
        whole = os.path.join(path, "told.part")
        with open(whole, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(letter) + "\n" for letter in told)
        os.replace(whole, os.path.join(path, _TOLD))
    for name in others:
        place = os.path.join(path, name)
        if os.path.isdir(place):
            shutil.rmtree(place, ignore_errors=True)
        elif os.path.exists(place):
            os.remove(place)


def _sweep():
    """Removes what attempts have left that were killed, and what was left so long ago that nobody asks for it."""
    for path in _folders(_PREFIX):
        with contextlib.suppress(FileNotFoundError), _left(path, 0) as is_left:
            if is_left and os.stat(path).st_mtime < time.time() - _FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)
            elif is_left and set(os.listdir(path)) != {_LOCK, _TOLD}:
                _keep_told(path)


@contextlib.contextmanager
def _left(path, patience):
    """Whether the attempt is gone, and its program with it; nobody else looks at the folder meanwhile."""
    until = time.monotonic() + patience
    try:
        lock = open(os.path.join(path, _LOCK), "rb")
    except FileNotFoundError:
        # Somebody else has read it.
        yield False
        return
    with lock:
        yield _locked(lock, until)


def _locked(lock, until):
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.2)
