"""What the driver keeps beside its ledger, so that a rerun finds out whether it is the same upload."""

import contextlib
import fcntl
import json
import os
import tempfile


class Record:
    """The uploads of one topic and stage, in a file.

    ``begun``: uploads that have sent, by ``uploadId``. ``undated``: those that are under way and whose days nobody
    knows yet, with the days that wait for them for that
    and whether they had been in there before. ``given_up``: what of an upload was given up, by which.
    ``dates``: by day its ``round``, which a re-sync raises, and the ``uploads`` whose every row was taken."""

    def __init__(self, path):
        self.path = path

    @contextlib.contextmanager
    def changing(self):
        """What is known, written back when all went well; one process at a time."""
        with open(self.path + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self.read()
            yield known
            with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(self.path), delete=False, encoding="utf-8") as out:
                json.dump(known, out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            os.replace(out.name, self.path)

    def read(self):
        """What is known."""
        known = {"begun": [], "undated": {}, "given_up": [], "dates": {}}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as text:
                known.update(json.load(text))
        for day in known["dates"].values():
            # As it was kept before there was more than one upload of a day.
            day.setdefault("reopened", day["round"])
            day.setdefault("uploads", {"": {"rows": day["rows"], "digest": day["digest"]}} if "digest" in day else {})
        return known


def known_day(record, day, reopened=0):
    """The entry of a day, made when there is none."""
    return record["dates"].setdefault(day, {"round": 0, "done": False, "reopened": reopened, "uploads": {}})


def note_of_gates(record, days):
    """Takes over from the ledger which days are done, and which were opened again for a re-sync."""
    for day, found in days.items():
        known = known_day(record, day, found.reopened)
        if found.reopened > known["reopened"] or (known["done"] and not found.is_closed):
            # Under the old ids the platform would take nothing, and whatever was in has to come again.
            known.update(round=known["round"] + 1, uploads={})
        known.update(done=found.gate == "done", reopened=found.reopened)
    for day, known in record["dates"].items():
        if known["done"] and day not in days:
            # It was forgotten.
            known.update(round=known["round"] + 1, done=False, reopened=0, uploads={})
