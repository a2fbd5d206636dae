"""Rows that the platform rejects: none is lost in silence, whatever is repeated."""

import contextlib
import glob
import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from pyspark import TaskContext
from pyspark.sql import functions as F

from byteair_sync.spark import write
from session import DAY, SparkTest, needs_source, spark

STREAMING = {"stage": "incremental_sync_streaming", "yesIMean": "streaming-only"}


def rejected(rows=1000, partitions=2):
    """Rows of which the platform rejects one in a hundred."""
    value = F.when(F.col("id") % 100 != 5, F.col("id"))
    return spark.range(0, rows, 1, partitions).withColumn("v", value)


class Withheld(SparkTest):
    def test_a_day_with_too_many_rejects_stays_withheld_when_the_same_job_is_repeated(self):
        sandbox = self.checking_sandbox()
        for again in range(2):
            with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected, more than maxErrors allows") as caught:
                self.save(rejected(), sandbox, date=DAY, maxErrors=9)
            self.assertIn("required field v is missing", str(caught.exception))
            self.assertIn("another uploadId", str(caught.exception))
        self.assertEqual(sandbox.dates()[DAY], (990, 0, "syncing"))
        # The message says where they lie.
        path = re.search(r"lie in (\S+) on the driver", str(caught.exception)).group(1)
        with open(path, encoding="utf-8") as lines:
            self.assertEqual(len([json.loads(line)["raw"] for line in lines]), 10)
        # Their loss is accepted.
        result = write(rejected(), **sandbox.options(self.folder, date=DAY, maxErrors=10))
        self.assertEqual(result.dates[DAY], {"rows": 1000, "accepted": 0, "unconfirmed": 990, "rejected": 10})
        self.assertEqual((result.done, result.rejects_frame(spark).count()), ([DAY], 10))
        self.assertEqual(sandbox.dates()[DAY], (990, 1, "acked"))

    def test_corrected_rows_of_a_day_come_under_another_upload_id(self):
        sandbox = self.checking_sandbox()
        frame = rejected().withColumn("dt", F.lit(DAY))
        with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected"):
            self.save(frame, sandbox, dateColumn="dt")
        corrected = frame.where("v is null").withColumn("v", F.lit(1))
        self.save(corrected, sandbox, dateColumn="dt", uploadId="corrected", giveUp="item history_sync column dt")
        self.assertEqual(sandbox.dates()[DAY], (1000, 1, "acked"))

    def test_a_day_that_is_held_back_holds_back_no_other(self):
        # The second of three days has rejected rows, and the third comes with other rows in the last run.
        day = F.date_add(F.lit(DAY).cast("date"), F.when(F.col("v").isNull(), 1).otherwise((F.col("id") % 3).cast("int")))
        frame = rejected(300, 2).withColumn("dt", day)
        first, second, third = (f"2022-01-0{number}" for number in (1, 2, 3))
        for number, upload in enumerate([self.save, lambda frame, sandbox, **more: write(frame, **sandbox.options(self.folder, **more))]):
            sandbox = self.checking_sandbox()
            options = dict(dateColumn="dt", stateDir=os.path.join(self.folder, f"state-{number}"))
            with self.assertRaisesRegex(Exception, f"done was sent for {first}, {third}; {second}: 3 of 102 rows were rejected") as caught:
                upload(frame, sandbox, **options)
            self.assertIn(f"no done was sent by this run for {second}.", str(caught.exception))
            self.assertEqual({day: told[1] for day, told in sandbox.dates().items()}, {first: 1, second: 0, third: 1})
            rows = {day: told[0] for day, told in sandbox.dates().items()}
            late = frame.where(f"dt <> '{third}' or id > 9")
            with self.assertRaisesRegex(Exception, f"done was sent for {second}; {third} is done, .*late_input"):
                upload(late, sandbox, maxErrors=3, **options)
            self.assertEqual(sandbox.dates(), {day: (rows[day], 1, "acked") for day in (first, second, third)})

    def test_rejects_of_one_day_or_upload_do_not_take_the_place_of_others(self):
        sandbox, path = self.checking_sandbox(), os.path.join(self.folder, "rejects")
        options = dict(rejectsPath=path, maxErrors=9)
        for number, day in enumerate([DAY, "2022-01-02", "2022-01-02"], start=1):
            # One table for each night, under one name; a row without a day is one of its night.
            frame = rejected(100 * number, 2).withColumn("dt", F.when(F.col("id") != 7, F.lit(day)))
            self.save(frame, sandbox, dateColumn="dt", done="false", **options)
        self.save(rejected(100, 1), sandbox, date=DAY, uploadId="other", **options, done="false")
        told = {}
        for name in os.listdir(path):
            with open(os.path.join(path, name), encoding="utf-8") as lines:
                told[name.rpartition("-")[0]] = told.get(name.rpartition("-")[0], ()) + (len([json.loads(line) for line in lines]),)
        counts = {f"rejects-{day}-item-history_sync": tuple(sorted(told.get(f"rejects-{day}-item-history_sync", ()))) for day in (DAY, "2022-01-02")}
        self.assertEqual(counts, {f"rejects-{DAY}-item-history_sync": (1, 2), "rejects-2022-01-02-item-history_sync": (4,)}, told)

    def test_rejects_of_a_job_that_failed_midway_count_in_the_next(self):
        def failing(batches):
            if TaskContext.get().partitionId() == 1:
                # Until the other partition is in.
                time.sleep(1.5 if TaskContext.get().attemptNumber() == 0 else 0)
                raise RuntimeError("this partition cannot be read")
            yield from batches

        for number, upload in enumerate([self.save, lambda frame, sandbox, **more: write(frame, **sandbox.options(self.folder, **more))]):
            sandbox = self.checking_sandbox()
            options = dict(date=DAY, stateDir=os.path.join(self.folder, f"state-{number}"))
            with self.assertRaisesRegex(Exception, "cannot be read"):
                upload(rejected().mapInArrow(failing, "id long, v long"), sandbox, **options)
            with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected"):
                upload(rejected(), sandbox, **options)
            self.assertEqual(sandbox.dates()[DAY][1], 0)


    def test_what_a_killed_attempt_was_told_of_rejected_rows_is_found_by_the_next(self):
        def dying(batches):
            seen = 0
            for batch in batches:
                seen += batch.num_rows
                if TaskContext.get().attemptNumber() == 0 and seen > 550:
                    # Until the first rows are answered.
                    time.sleep(2)
                    for name in glob.glob("/proc/[0-9]*/stat") if kills_program else ():
                        with contextlib.suppress(OSError), open(name, encoding="utf-8", errors="replace") as text:
                            pid, _, rest = text.read().partition(" (byteair-sync) ")
                            if rest and int(rest.split()[1]) == os.getpid():
                                os.kill(int(pid), signal.SIGKILL)
                    os.kill(os.getpid(), signal.SIGKILL)
                yield batch

        for kills_program in (False, True):
            sandbox = self.checking_sandbox()
            options = dict(date=DAY, sort="false", batchRows=100, stateDir=os.path.join(self.folder, f"state-{kills_program}"))
            # Large rows, so that many of them have left before that.
            frame = rejected(1000, 1).withColumn("t", F.repeat(F.lit("x"), 2000)).mapInArrow(dying, "id long, v long, t string")
            with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected"):
                self.save(frame, sandbox, **options)
            self.assertEqual(sandbox.dates()[DAY][:2], (990, 0))
            self.assertGreater(sandbox.state()["requests_total"], 10, "nothing was sent before the kill")
            log = io.StringIO()
            with contextlib.redirect_stderr(log):
                write(frame, **sandbox.options(self.folder, maxErrors=10, **options))
            self.assertEqual(sandbox.dates()[DAY], (990, 1, "acked"))
            self.assertIn("attempts of this job were lost after they had sent rows (partition 0)", log.getvalue())

    def test_what_a_killed_driver_was_told_of_rejected_rows_is_found_by_the_next(self):
        sandbox = self.checking_sandbox()
        # As if the driver had been killed between the last task and its commit.
        script = (
            "import json, os, sys\nfrom pyspark.sql import SparkSession\nfrom byteair_sync.driver import Driver\n"
            "from byteair_sync.spark import write\n"
            "spark = SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false').getOrCreate()\n"
            "if sys.argv[2:]:\n    Driver.commit = lambda self, plan, results: os._exit(9)\n"
            "frame = spark.range(0, 1000, 1, 2).selectExpr('id', 'if(id % 100 <> 5, id, null) as v')\n"
            "write(frame, **json.loads(sys.argv[1]))\n"
        )
        command = [sys.executable, "-c", script, json.dumps(sandbox.options(self.folder, date=DAY))]
        killed = subprocess.run([*command, "die"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=False)
        self.assertEqual((killed.returncode, sandbox.dates()[DAY][:2]), (9, (990, 0)))
        again = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600, check=False)
        self.assertIn(b"10 of 1000 rows were rejected", again.stderr)
        self.assertEqual(sandbox.dates()[DAY][:2], (990, 0))

    def test_a_rerun_that_spells_its_target_otherwise_is_the_same_upload(self):
        sandbox = self.checking_sandbox()
        options = sandbox.options(self.folder, date=DAY)
        spelt = [options, dict(options, timezone="Asia/Shanghai"), dict(options, retryFor="5m")]
        for words in spelt:
            with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected"):
                write(rejected(), **words)
            self.assertEqual(sandbox.dates()[DAY][:2], (990, 0))
        for words in spelt:
            result = write(rejected(), **dict(words, maxErrors=10))
            self.assertEqual(result.dates[DAY]["rejected"], 10)
            self.assertEqual(sandbox.dates()[DAY], (990, 1, "acked"))

    def test_a_rerun_of_a_day_that_is_done_tells_of_the_same_rejected_rows(self):
        sandbox = self.checking_sandbox()
        # Some are rejected by the platform, and some, which are no JSON, before they are sent.
        frame = rejected().withColumn("x", F.expr("if(id % 200 = 7, double('NaN'), 1.5)"))
        folder = os.path.join(self.folder, "rejects")
        told = []
        for again in range(2):
            result = write(frame, **sandbox.options(self.folder, date=DAY, maxErrors=15, rejectsPath=folder))
            (name,) = os.listdir(folder)
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                rows = sorted(json.loads(line)["raw"] for line in lines)
            told.append((rows, sorted(one["source"] for one in result.rejects), result.dates))
            self.assertEqual(sandbox.dates()[DAY], (985, 1, "acked"))
        self.assertEqual(told[0], told[1])
        self.assertEqual(len(told[1][0]), 15)
        # What is stored of a batch that was rejected in part is known only as far as its answer says.
        self.assertEqual(told[1][2], {DAY: {"rows": 1000, "accepted": 0, "unconfirmed": 985, "rejected": 15}})

    def test_a_task_that_ends_early_for_its_rejects_is_not_repeated_into_success(self):
        sandbox = self.checking_sandbox()
        # The program stops when the first thousand rows are all bad.
        frame = rejected(1500, 1).withColumn("v", F.lit(None).cast("long"))
        for again in range(2):
            with self.assertRaisesRegex(Exception, "ended with status 4|rows were rejected"):
                self.save(frame, sandbox, date=DAY, batchRows=1000, maxErrors="100%")
        self.assertEqual(sandbox.dates()[DAY][:2], (0, 0))

    def test_batches_of_unknown_rows_rejected_hold_done_back_in_every_run(self):
        with Vague() as server:
            options = dict(date=DAY, host=server.host, batchRows=100, maxErrors="100%")
            for again in range(2):
                with self.assertRaisesRegex(Exception, "of 2 batches nobody knows which rows are stored"):
                    self.save(spark.range(0, 200, 1, 2), self.sandbox(), **options)
            self.assertEqual((len(server.seen), server.done), (2, 0))


class Vague:
    """A server that rejects rows of each batch and does not say which."""

    def __enter__(self):
        self.seen, self.done = set(), 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):
                handler.rfile.read(int(handler.headers["Content-Length"]))
                name = handler.headers["Request-Id"]
                self.done += "done" in handler.path
                reply = {"status": {"code": 409 if name in self.seen else 1001, "message": "rows"}, "errors": []}
                self.seen.add(name)
                body = json.dumps(reply).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *words):
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class StreamingStage(SparkTest):
    def test_a_batch_with_too_many_rejects_fails_after_all_was_sent_and_again(self):
        sandbox = self.checking_sandbox()
        for again in range(2):
            with self.assertRaisesRegex(Exception, "10 of 1000 rows were rejected, more than maxErrors allows"):
                self.save(rejected(), sandbox, uploadId="a", **STREAMING)
        self.assertEqual(len(sandbox.rows(stage=STREAMING["stage"])), 990)
        result = write(rejected(), **sandbox.options(self.folder, uploadId="a", maxErrors=10, **STREAMING))
        self.assertEqual((result.done, len(result.rejects)), ([], 10))
        none_good = rejected().where("v is null")
        with self.assertRaisesRegex(Exception, "10 of 10 rows were rejected"):
            self.save(none_good, sandbox, uploadId="b", **STREAMING)

    @needs_source
    def test_a_stream_stops_at_a_batch_with_too_many_rejects_until_they_are_accepted(self):
        source, sandbox = os.path.join(self.folder, "in"), self.checking_sandbox()
        rejected(200, 1).write.json(source)
        path = os.path.join(self.folder, "rejects")
        options = sandbox.options(self.folder, rejectsPath=path, **STREAMING)

        def run(**more):
            query = (
                spark.readStream.schema("id long, v long").json(source).writeStream.format("byteair").options(**options, **more)
                .option("checkpointLocation", os.path.join(self.folder, "checkpoint")).trigger(availableNow=True).start()
            )
            query.awaitTermination(1200)

        for again in range(2):
            with self.assertRaisesRegex(Exception, "micro-batch 0: 2 of 200 rows were rejected, more than maxErrors allows"):
                run()
        run(maxErrors=2)
        self.assertEqual(len(sandbox.rows(stage=STREAMING["stage"])), 198)
        # The next batch does not take the place of what was rejected in this one.
        rejected(100, 1).write.mode("append").json(source)
        run(maxErrors=2)
        told = []
        for name in glob.glob(os.path.join(path, "rejects-*-*.jsonl")):
            with open(name, encoding="utf-8") as lines:
                told.append(len(list(lines)))
        self.assertEqual(sorted(told), [1, 2])

    def test_a_batch_needs_a_name_that_tells_it_from_the_next(self):
        sandbox, frame = self.sandbox(), spark.range(0, 10, 1, 2)
        for upload in (self.save, lambda frame, sandbox, **more: write(frame, **sandbox.options(self.folder, **more))):
            with self.assertRaisesRegex(Exception, "needs the option uploadId"):
                upload(frame, sandbox, **STREAMING)
        for name in ("8 o'clock", "9 o'clock", "9 o'clock"):
            self.save(frame, sandbox, uploadId=name, **STREAMING)
        self.assertEqual(len(sandbox.rows(stage=STREAMING["stage"])), 20)
