"""Several uploads of one day: its ``done`` waits for each of them, and each may be repeated after it."""

import contextlib
import io
import os
import subprocess

from pyspark import TaskContext
from pyspark.sql import functions as F

from byteair_sync.driver import Driver
from byteair_sync.options import parse
from byteair_sync.spark import write
from sandbox import BINARY
from session import DAY, SparkTest, spark

LATER = "2022-01-02"


def failing(frame, sandbox):
    """The frame, of which one partition cannot be read once the others are in."""
    url, before = f"http://{sandbox.host}/sandbox/state", sandbox.state()["rows_total"]

    def rows(batches):
        import json
        import time
        import urllib.request

        if TaskContext.get().partitionId() == 3:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with urllib.request.urlopen(url, timeout=60) as reply:
                    if json.load(reply)["rows_total"] >= before + 60:
                        break
                time.sleep(0.2)
            # Until the driver has heard of them.
            time.sleep(3)
            raise RuntimeError("this partition cannot be read")
        yield from batches

    return frame.mapInArrow(rows, frame.schema)


def first():
    return spark.range(0, 80, 1, 4)


def second():
    return spark.range(1000, 1020, 1, 2)


def dated(frame, day=DAY):
    return frame.withColumn("dt", F.lit(day))


class Uploads(SparkTest):
    def by_both(self):
        """The data source and the function, each with a server and a state directory of its own."""
        for number, upload in enumerate([self.save, lambda frame, sandbox, **more: write(frame, **sandbox.options(self.folder, **more))]):
            state = os.path.join(self.folder, f"state-{number}")
            yield lambda frame, sandbox, upload=upload, state=state, **more: upload(frame, sandbox, **dict({"stateDir": state}, **more)), self.sandbox(), state

    def program(self, *words):
        told = subprocess.run([BINARY, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return told.returncode, told.stdout.decode()

    def where(self, sandbox, state, day=DAY):
        return [
            "--topic=item", "--stage=history_sync", f"--date={day}", f"--state-dir={state}", f"--host={sandbox.host}", "--scheme=http",
            "--tenant-id=1", "--application-id=1",
        ]

    def test_done_waits_for_an_upload_of_the_day_that_failed_midway(self):
        for upload, sandbox, state in self.by_both():
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(first(), sandbox), sandbox, date=DAY, uploadId="a")
            with self.assertRaisesRegex(Exception, r"done is withheld \(status 7\): upload a has begun and is not complete") as caught:
                upload(second(), sandbox, date=DAY, uploadId="b")
            for way in ("run the job with uploadId 'a' again", "giveUp='a'", "ledger drop-input"):
                self.assertIn(way, str(caught.exception))
            # The program withholds it as well, and shows what is missing.
            status, told = self.program("done", *self.where(sandbox, state))
            self.assertEqual((status, "spark a is not uploaded to its end" in told), (7, True), told)
            self.assertEqual(sandbox.dates()[DAY][1], 0)
            upload(first(), sandbox, date=DAY, uploadId="a")
            self.assertEqual(sandbox.dates()[DAY], (100, 1, "acked"))
            # Each of them again sends nothing and goes well.
            requests = sandbox.state()["requests_total"]
            upload(first(), sandbox, date=DAY, uploadId="a")
            upload(second(), sandbox, date=DAY, uploadId="b")
            self.assertEqual(sandbox.state()["requests_total"], requests)

    def test_a_day_of_one_target_is_nothing_to_the_same_day_of_another(self):
        for upload, sandbox, state in self.by_both():
            other = self.sandbox()
            upload(first(), sandbox, date=DAY, uploadId="a")
            # Done there, and unknown here.
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(first(), other), other, date=DAY, uploadId="a")
            requests = sandbox.state()["requests_total"]
            upload(first(), sandbox, date=DAY, uploadId="a")
            self.assertEqual(sandbox.state()["requests_total"], requests)
            self.assertEqual(other.dates()[DAY][1], 0)
            # It is given up where it is not complete, although it is where it is.
            upload(second(), other, date=DAY, uploadId="b", giveUp="a")
            self.assertEqual((sandbox.dates()[DAY], other.dates()[DAY]), ((80, 1, "acked"), (80, 1, "acked")))
            for application in ("2", "3"):
                upload(second(), other, date=DAY, uploadId="b", applicationId=application)
            self.assertEqual(len(other.state()["partitions"]), 3)
            status, told = self.program("ledger", "show", f"--state-dir={state}")
            self.assertEqual((status, told.count("gate done"), told.count(" on 1/")), (0, 4, 4), told)

    def test_what_an_upload_lacks_can_be_given_up_on_the_record(self):
        for upload, sandbox, state in self.by_both():
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(first(), sandbox), sandbox, date=DAY, uploadId="a, --restart")
            upload(second(), sandbox, date=DAY, uploadId="b", giveUp="a, --restart")
            self.assertEqual(sandbox.dates()[DAY], (80, 1, "acked"))
            status, told = self.program("ledger", "show", f"--state-dir={state}")
            self.assertIn("input_dropped stdin:spark a, --restart", told)
            # Its rows come too late, and nothing untrue is said of those that are there.
            with self.assertRaisesRegex(Exception, r"is done, with 20 rows, and this job has 80 rows .* this run sent none") as caught:
                upload(first(), sandbox, date=DAY, uploadId="a, --restart")
            self.assertIn("what an earlier run of it sent before it was cut off is stored", str(caught.exception))

    def test_done_waits_for_an_upload_of_unknown_days_whatever_the_day(self):
        for upload, sandbox, state in self.by_both():
            upload(second(), sandbox, date="2022-01-03", done="false", uploadId="earlier")
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(dated(first()), sandbox), sandbox, dateColumn="dt")
            for day, other in ((DAY, "b"), (LATER, "c")):
                with self.assertRaisesRegex(Exception, "whose days are not known yet"):
                    upload(second(), sandbox, date=day, uploadId=other)
            for day in (DAY, LATER, "2022-01-03"):
                self.assertEqual(self.program("done", *self.where(sandbox, state, day))[0], 7)
            upload(dated(first()), sandbox, dateColumn="dt")
            self.assertEqual(sandbox.dates()[DAY], (100, 1, "acked"))
            # It had nothing for the other days, which wait no longer.
            upload(second(), sandbox, date=LATER, uploadId="c")
            self.assertEqual(sandbox.dates()[LATER], (20, 1, "acked"))
            self.assertEqual(self.program("done", *self.where(sandbox, state, "2022-01-03"))[0], 0)

    def test_an_upload_of_unknown_days_can_be_given_up_or_forgets_no_day_that_it_told(self):
        for upload, sandbox, state in self.by_both():
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(dated(first()), sandbox), sandbox, dateColumn="dt")
            # Another night under the same name.
            upload(dated(second(), LATER), sandbox, dateColumn="dt")
            self.assertEqual(sandbox.dates()[LATER], (20, 1, "acked"))
            with self.assertRaisesRegex(Exception, "upload item history_sync column dt has begun and is not complete"):
                upload(second(), sandbox, date=DAY, uploadId="b")
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(failing(dated(first(), "2022-01-04"), sandbox), sandbox, dateColumn="dt", uploadId="lost")
            upload(second(), sandbox, date=DAY, uploadId="b", giveUp="item history_sync column dt,lost")
            self.assertEqual(sandbox.dates()[DAY][1:], (1, "acked"))
            upload(second(), sandbox, date="2022-01-05", uploadId="c")
            self.assertEqual(sandbox.dates()["2022-01-05"], (20, 1, "acked"))

    def test_uploads_that_are_held_back_by_hand_are_known_each_by_itself(self):
        for upload, sandbox, state in self.by_both():
            for frame, name in ((first(), "a"), (second(), "b")):
                upload(frame, sandbox, date=DAY, uploadId=name, done="false")
            self.assertEqual(self.program("done", *self.where(sandbox, state))[0], 0)
            requests = sandbox.state()["requests_total"]
            for frame, name in ((first(), "a"), (second(), "b")):
                upload(frame, sandbox, date=DAY, uploadId=name)
            self.assertEqual((sandbox.state()["requests_total"], sandbox.dates()[DAY]), (requests, (100, 1, "acked")))
            # After a re-sync each has to come again, under ids that the platform does not remember.
            sandbox.reset()
            self.assertEqual(self.program("ledger", "reopen", *self.where(sandbox, state))[0], 0)
            with self.assertRaisesRegex(Exception, "upload b has begun and is not complete"):
                upload(first(), sandbox, date=DAY, uploadId="a")
            upload(second(), sandbox, date=DAY, uploadId="b")
            self.assertEqual(sandbox.dates()[DAY], (100, 1, "acked"))
            driver = Driver(parse(sandbox.options(self.folder, date=DAY, stateDir=state)))
            self.assertEqual(driver.record.read()["dates"][DAY]["round"], 1)

    def test_a_repeated_upload_whose_rejected_rows_came_corrected_goes_well(self):
        for upload, _, state in self.by_both():
            sandbox, log = self.checking_sandbox(), io.StringIO()
            frame = spark.range(0, 20, 1, 2).withColumn("v", F.when(F.col("id") % 10 != 3, F.col("id")))
            with self.assertRaisesRegex(Exception, "2 of 20 rows were rejected, .* with giveUp='a'"):
                upload(frame, sandbox, date=DAY, uploadId="a")
            corrected = frame.where("v is null").withColumn("v", F.lit(1))
            with self.assertRaisesRegex(Exception, "upload a has begun and is not complete"):
                upload(corrected, sandbox, date=DAY, uploadId="corrected")
            upload(corrected, sandbox, date=DAY, uploadId="corrected", giveUp="a")
            self.assertEqual(sandbox.dates()[DAY], (20, 1, "acked"))
            with contextlib.redirect_stderr(log):
                result = write(frame, **sandbox.options(self.folder, date=DAY, uploadId="a", stateDir=state))
            self.assertEqual(result.done, [])
            self.assertIn("2 of these 20 rows were rejected when they came", log.getvalue())
            self.assertEqual(sandbox.dates()[DAY], (20, 1, "acked"))
