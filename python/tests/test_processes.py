"""Which process is the driver, where the program is, and what a failed task says. No Spark is started."""

import os
import subprocess
import sys
import unittest
from unittest import mock

from byteair_sync import binary
from byteair_sync.task import _advice, _reason

#: Prints whether the process takes itself for the driver; its parent is a shell that is no driver.
ASKS = "import os; from byteair_sync.service import driver_pid; print(driver_pid() == os.getpid())"


class Processes(unittest.TestCase):
    def test_without_java_above_the_driver_is_this_process_and_not_its_parent(self):
        done = subprocess.run(
            ["sh", "-c", '"$0" -c "$1"; exit 0', sys.executable, ASKS], stdout=subprocess.PIPE, text=True, check=True
        )
        self.assertEqual(done.stdout.strip(), "True")

    def test_a_program_of_the_executors_that_is_not_here_is_looked_for_elsewhere(self):
        there = binary.find()
        with mock.patch.dict(os.environ, {"BYTEAIR_SYNC_BINARY": "./tool/byteair-sync", "PATH": os.path.dirname(there)}):
            self.assertEqual(os.path.realpath(binary.find()), os.path.realpath(there))
        with mock.patch.dict(os.environ, {"BYTEAIR_SYNC_BINARY": "./tool/byteair-sync", "PATH": "/nowhere"}):
            with self.assertRaisesRegex(binary.BinaryError, "(?s)./tool/byteair-sync, which is not there.*client mode"):
                binary.find()

    def test_a_failed_task_has_a_reason_and_says_whether_repeating_helps(self):
        self.assertIn("repeat the job", _advice(5))
        for status in (2, 6, 12):
            self.assertIn("does not help", _advice(status))
        self.assertIn("quota service", _reason(5, {}, ""))
        self.assertEqual(_reason(6, {"problems": ["refused"]}, "\n"), "refused")


if __name__ == "__main__":
    unittest.main()
