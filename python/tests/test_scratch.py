"""What tasks leave in the folder of temporary files. No Spark is started."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from byteair_sync.scratch import Scratch

LETTER = {"code": "1001", "message": "bad", "request_id": "one", "raw": "{}"}
#: An attempt that is killed, or waits to be, with rows on the disk and perhaps something that it was told.
ATTEMPT = """
import json, os, signal, sys
from byteair_sync.scratch import Scratch
name, end, letters = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
scratch = Scratch(name)
for place in ("day-2022-01-01/state/spool/rows", "day-2022-01-01/state/rejects/rejects.jsonl", "sorted-0"):
    path = os.path.join(scratch.folder, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.writelines(json.dumps(letter) + "\\n" for letter in letters)
print(scratch.folder, flush=True)
sys.stdin.read() if end == "wait" else os.kill(os.getpid(), signal.SIGKILL)
"""


class Left(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        patched = mock.patch.object(tempfile, "tempdir", self.folder)
        patched.start()
        self.addCleanup(patched.stop)

    def attempt(self, name, end, letters=()):
        attempt = subprocess.Popen(
            [sys.executable, "-c", ATTEMPT, name, end, json.dumps(letters)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=dict(os.environ, TMPDIR=self.folder),
        )
        self.addCleanup(attempt.stdout.close)
        self.addCleanup(attempt.stdin.close)
        return attempt, attempt.stdout.readline().strip()

    def test_of_a_killed_attempt_the_next_task_leaves_what_it_was_told_and_no_rows(self):
        killed, told = self.attempt("a", "die", [LETTER])
        silent, nothing = self.attempt("b", "die")
        living, busy = self.attempt("c", "wait", [LETTER])
        self.assertEqual((killed.wait(), silent.wait()), (-signal.SIGKILL,) * 2)
        other = Scratch("other")
        other.close()
        self.assertEqual(set(os.listdir(told)), {"lock", "told.jsonl"})
        self.assertEqual((os.path.exists(nothing), os.path.exists(os.path.join(busy, "sorted-0"))), (False, True))
        # Who repeats the task finds it, once.
        again = Scratch("a")
        self.assertEqual(again.inherit(), [dict(LETTER, date="2022-01-01")])
        again.close()
        self.assertEqual(set(os.listdir(self.folder)), {os.path.basename(path) for path in (again.folder, busy)})
        living.kill()
        living.wait()

    def test_what_was_noted_before_the_kill_is_not_found_twice(self):
        scratch = Scratch("a")
        place = os.path.join(scratch.folder, "day-2022-01-01", "state", "rejects")
        os.makedirs(place)
        with open(os.path.join(place, "rejects.jsonl"), "w", encoding="utf-8") as out:
            out.write(json.dumps(LETTER) + "\n")
        scratch.note([dict(LETTER, date="2022-01-01")])
        scratch.close()
        again = Scratch("a")
        self.assertEqual(again.inherit(), [dict(LETTER, date="2022-01-01")])
        again.close()


if __name__ == "__main__":
    unittest.main()
