"""The Spark writers against the sandbox, with real Spark in local mode."""

import datetime
import decimal
import glob
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

from pyspark import TaskContext
from pyspark.sql import functions as F
from pyspark.sql import types as T

from byteair_sync.driver import Driver
from byteair_sync.options import parse
from byteair_sync.spark import write
from session import DAY, HAS_SOURCE, SparkTest, needs_source, spark

HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = ("--fault", "lost-reply=0.1,http:503=0.1,reset-after=0.05,status:429=0.05", "--fault-on", "write")


class Batches(SparkTest):
    def test_every_type_arrives_as_the_platform_wants_it(self):
        schema = T.StructType(
            [
                T.StructField("id", T.LongType()),
                T.StructField("yes", T.BooleanType()),
                T.StructField("byte", T.ByteType()),
                T.StructField("short", T.ShortType()),
                T.StructField("int", T.IntegerType()),
                T.StructField("float", T.FloatType()),
                T.StructField("double", T.DoubleType()),
                T.StructField("price", T.DecimalType(38, 18)),
                T.StructField("text", T.StringType()),
                T.StructField("bytes", T.BinaryType()),
                T.StructField("day", T.DateType()),
                T.StructField("at", T.TimestampType()),
                T.StructField("wall", T.TimestampNTZType()),
                T.StructField("tags", T.ArrayType(T.StringType())),
                T.StructField("flags", T.ArrayType(T.BooleanType())),
                T.StructField("inner", T.StructType([T.StructField("a", T.IntegerType()), T.StructField("b", T.ArrayType(T.DecimalType(5, 2)))])),
                T.StructField("map", T.MapType(T.StringType(), T.IntegerType())),
                T.StructField("none", T.StringType()),
            ]
        )
        at = datetime.datetime(2022, 1, 1, 8, 0, 1, 234567, tzinfo=datetime.timezone.utc)
        row = (
            2**63 - 1, True, -128, 32767, -(2**31), 0.1, 1e300, decimal.Decimal("12345678901234567890.123456789012345678"),
            'quote " line\n 中文', b"ok", datetime.date(2022, 1, 1), at, datetime.datetime(2022, 1, 1, 8, 0, 1),
            ["a", "b\n", None], [True, False], (1, [decimal.Decimal("1.20")]), {"z": 1, "a": None}, None,
        )
        frame = spark.createDataFrame([row], schema)
        sandbox = self.sandbox()
        self.save(frame, sandbox, date=DAY)
        [line] = sandbox.ask(f"/sandbox/rows?topic=item&stage=history_sync&date={DAY}").splitlines()
        self.assertIn("12345678901234567890.123456789012345678", line)
        sent = json.loads(line)
        del sent["price"]
        self.assertEqual(
            sent,
            {
                "id": 2**63 - 1, "yes": 1, "byte": -128, "short": 32767, "int": -(2**31), "float": 0.10000000149011612, "double": 1e300,
                "text": 'quote " line\n 中文', "bytes": "ok", "day": "2022-01-01", "at": 1641024001, "wall": 1640995201,
                "tags": '["a","b\\n",null]', "flags": "[1,0]", "inner": '{"a":1,"b":[1.20]}', "map": '{"a":null,"z":1}',
            },
        )
        # The same from Spark 3's way, in milliseconds and with nulls.
        write(frame, **sandbox.options(self.folder, date="2022-01-02", timestamps="milliseconds", nulls="null"))
        [sent] = sandbox.rows("2022-01-02")
        self.assertEqual((sent["at"], sent["wall"], sent["none"]), (1641024001234, 1640995201000, None))

    def test_each_day_gets_one_done_after_all_its_rows_and_a_rerun_sends_nothing(self):
        # Skewed and empty partitions, more of them than rows of most days.
        days = F.date_add(F.lit(DAY).cast("date"), F.when(F.col("id") < 900, 0).otherwise((F.col("id") % 3).cast("int")))
        frame = spark.range(0, 1000, 1, 3).withColumn("dt", days).repartition(40, "dt")
        sandbox = self.sandbox()
        self.save(frame, sandbox, dateColumn="dt", batchRows=100)
        self.assertEqual(
            sandbox.dates(),
            {DAY: (934, 1, "acked"), "2022-01-02": (33, 1, "acked"), "2022-01-03": (33, 1, "acked")},
        )
        self.assertEqual(set(sandbox.rows(DAY)[0]), {"id"})
        requests = sandbox.state()["requests_total"]
        self.save(frame.repartition(7), sandbox, dateColumn="dt", batchRows=100)
        self.assertEqual(sandbox.state()["requests_total"], requests)
        # Other rows for a day that is done are no repetition, and none is sent.
        with self.assertRaisesRegex(Exception, "late_input"):
            self.save(frame.where("id > 5"), sandbox, dateColumn="dt", batchRows=100)
        self.assertEqual(sandbox.state()["requests_total"], requests)

    def test_two_hundred_partitions_through_faults_keep_the_quota(self):
        frame = spark.range(0, 20_000, 1, 200).withColumn("title", F.concat(F.lit("t"), F.col("id")))
        sandbox = self.sandbox("--qps", "100", "--rows-per-second", "3000", *FAULTS)
        self.save(frame, sandbox, date=DAY, batchRows=50, rowsPerSecond=3000, retryMaxDelay="1s")
        self.assert_all_once(sandbox, frame)
        windows = sandbox.state()["windows"]
        self.assertLessEqual(windows["max_rows_per_second"], 3000)
        self.assertLessEqual(windows["max_requests_per_second"], 100)

    def test_rejected_rows_come_back_with_reasons_and_hold_done_back_beyond_the_budget(self):
        frame = spark.range(0, 100, 1, 4).withColumn("v", F.when(F.col("id") % 50 == 7, F.lit(float("nan"))).otherwise(F.col("id").cast("double")))
        sandbox = self.sandbox()
        path = os.path.join(self.folder, "rejects")
        with self.assertRaisesRegex(Exception, "2 of 100 rows were rejected"):
            self.save(frame, sandbox, date=DAY, maxErrors=1, rejectsPath=path)
        self.assertEqual(sandbox.dates()[DAY], (98, 0, "syncing"))
        [name] = os.listdir(path)
        self.assertRegex(name, f"rejects-{DAY}-item-history_sync-[0-9a-f]{{8}}.jsonl")
        with open(os.path.join(path, name), encoding="utf-8") as lines:
            told = [json.loads(line) for line in lines]
        self.assertEqual([(one["code"], one["column"]) for one in told], [("not_finite", "v")] * 2)
        # A day that has nothing else is not passed over.
        with self.assertRaisesRegex(Exception, "1 of 1 rows were rejected"):
            only = spark.createDataFrame([(1, float("inf"), "2022-01-03")], "id long, v double, dt string")
            self.save(only, sandbox, dateColumn="dt", maxErrors="100%")
        result = write(frame, **sandbox.options(self.folder, date=DAY, maxErrors="2%"))
        self.assertEqual(result.rejects_frame(spark).count(), 2)
        self.assertEqual(sandbox.dates()[DAY], (98, 1, "acked"))

    def test_a_done_that_went_out_before_a_failure_is_told(self):
        later = (datetime.date.today() + datetime.timedelta(days=2)).isoformat()
        frame = spark.createDataFrame([(1, DAY), (2, later)], "id long, dt string")
        sandbox = self.sandbox()
        with self.assertRaisesRegex(Exception, f"done was sent for {DAY}; every row of {later} is in"):
            self.save(frame, sandbox, dateColumn="dt")
        self.assertEqual([sandbox.dates()[day][1] for day in (DAY, later)], [1, 0])
        driver = Driver(parse(sandbox.options(self.folder, dateColumn="dt")))
        self.assertIn(f"AFTER done was sent for {DAY}", driver.abort({"service": None, "closed": []}))

    def test_an_empty_frame_gets_no_done_unless_that_is_wanted(self):
        sandbox = self.sandbox()
        frame = spark.range(0, 0, 1, 2)
        with self.assertRaisesRegex(Exception, "there is no row for"):
            self.save(frame, sandbox, date=DAY)
        self.assertEqual(sandbox.state()["requests_total"], 0)
        self.save(frame, sandbox, date=DAY, allowEmpty="true")
        self.assertEqual(sandbox.state()["requests_total"], 1)

    def test_what_cannot_be_right_is_refused_before_anything_is_sent(self):
        sandbox = self.sandbox()
        frame = spark.range(3)
        for wrong, words in [
            (dict(date=DAY, sk="hidden-0001"), "sk is refused"),
            (dict(date=DAY, topik="item"), "no option topik"),
            (dict(), "needs the day"),
            (dict(date="2022-02-30"), "is no day"),
            (dict(dateColumn="dt"), "no column dt"),
            (dict(stage="incremental_sync_streaming"), "one-way door"),
            (dict(date=DAY, maxErrors="many"), "maxErrors"),
        ]:
            with self.assertRaisesRegex(Exception, words) as caught:
                self.save(frame, sandbox, **wrong)
            self.assertNotIn("hidden-0001", str(caught.exception))
        with self.assertRaisesRegex(Exception, "overwrite is refused" if HAS_SOURCE else "Failed to find"):
            frame.write.format("byteair").options(**sandbox.options(self.folder, date=DAY)).mode("overwrite").save()
        with self.assertRaisesRegex(Exception, "cast it"):
            self.save(spark.sql("select interval '1' day as d"), sandbox, date=DAY)
        self.assertEqual(sandbox.state()["requests_total"], 0)


class Crashes(SparkTest):
    def dying(self, frame, marks, partition=1, after=550):
        """The frame, whose rows end with a kill of their process in the first attempt of a partition."""

        def rows(batches):
            context, seen = TaskContext.get(), 0
            for batch in batches:
                seen += batch.num_rows
                mark = os.path.join(marks, str(context.partitionId()))
                if context.partitionId() == partition and seen > after and not os.path.exists(mark):
                    time.sleep(1)
                    with open(mark, "w", encoding="utf-8"):
                        os.kill(os.getpid(), signal.SIGKILL)
                yield batch

        return frame.mapInArrow(rows, frame.schema)

    def test_a_task_that_is_killed_midway_is_repeated_and_stores_no_row_twice(self):
        frame = spark.range(0, 4000, 1, 4)
        for sort in ("false", "true"):
            sandbox = self.sandbox(*FAULTS)
            marks = tempfile.mkdtemp(dir=self.folder)
            state = os.path.join(marks, "state")
            self.save(self.dying(frame, marks), sandbox, date=DAY, batchRows=100, sort=sort, stateDir=state, retryMaxDelay="1s")
            self.assertTrue(os.path.exists(os.path.join(marks, "1")), "nothing was killed")
            self.assert_all_once(sandbox, frame)

    def test_programs_that_are_killed_at_random_cost_no_row(self):
        frame = spark.range(0, 6000, 1, 12)
        sandbox = self.sandbox("--latency", "50ms..200ms", "--fault", "lost-reply=0.1", "--fault-on", "write")
        over, killed = threading.Event(), []

        def kill():
            chance = random.Random(7)
            while not over.wait(0.4):
                for name in glob.glob("/proc/[0-9]*/cmdline"):
                    try:
                        with open(name, "rb") as text:
                            words = text.read()
                        of_task = b"\0write\0" in words and b"byteair-spark-" in words and sandbox.host.encode() in words
                        if of_task and len(killed) < 6 and chance.random() < 0.4:
                            os.kill(int(name.split("/")[2]), signal.SIGKILL)
                            killed.append(name)
                    except (OSError, ValueError):
                        continue

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for _ in range(8):
                try:
                    self.save(frame, sandbox, date=DAY, batchRows=50)
                    break
                except Exception as error:  # noqa: BLE001: the same job again, as its message says
                    self.assertIn("byteair-sync ended with status", str(error))
        finally:
            over.set()
            killer.join()
        self.assertTrue(killed)
        self.assert_all_once(sandbox, frame)

    def test_a_driver_that_is_killed_leaves_a_job_that_is_run_again(self):
        sandbox = self.sandbox("--latency", "100ms..300ms")
        options = sandbox.options(self.folder, date=DAY, batchRows=50)
        script = (
            "import json, sys\nfrom pyspark.sql import SparkSession\nfrom byteair_sync.spark import write\n"
            "spark = SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false').getOrCreate()\n"
            "write(spark.range(0, 3000, 1, 6), **json.loads(sys.argv[1]))\n"
        )
        command = [sys.executable, "-c", script, json.dumps(options)]
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 900
        while sandbox.state()["rows_total"] < 300:
            self.assertTrue(time.monotonic() < until and driver.poll() is None, "the first driver does not upload")
            time.sleep(0.1)
        driver.kill()
        driver.wait()
        self.assertEqual(sandbox.dates()[DAY][1], 0)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=1200)
        self.assert_all_once(sandbox, spark.range(3000))

    def test_a_repeated_task_meets_its_ids_when_its_rows_come_in_another_order(self):
        sandbox = self.sandbox()
        frame = spark.range(0, 500, 1, 2)
        self.save(frame, sandbox, date=DAY, batchRows=50, done="false")
        self.save(frame.sortWithinPartitions(F.desc("id")), sandbox, date=DAY, batchRows=50)
        self.assert_all_once(sandbox, frame)


class Others(SparkTest):
    @needs_source
    def test_micro_batches_go_to_the_streaming_stage_once_each(self):
        source, sandbox = os.path.join(self.folder, "in"), self.sandbox()
        options = sandbox.options(self.folder, stage="incremental_sync_streaming", yesIMean="streaming-only")
        # The same content in each micro-batch, and in the first one of another query: three batches, not one thrice.
        for checkpoint, is_new in [("one", True), ("other", False), ("one", True)]:
            if is_new:
                spark.createDataFrame([(1,), (2,)], "id long").coalesce(1).write.mode("append").json(source)
            query = (
                spark.readStream.schema("id long").json(source).writeStream.format("byteair").options(**options)
                .option("checkpointLocation", os.path.join(self.folder, checkpoint)).trigger(availableNow=True).start()
            )
            query.awaitTermination(1200)
            self.assertIsNone(query.exception())
        self.assertEqual(len(sandbox.rows(stage="incremental_sync_streaming")), 6)

    @needs_source
    def test_speculation_is_refused(self):
        script = (
            "from pyspark.sql import SparkSession\nfrom byteair_sync.spark import ByteAirDataSource, write\n"
            "spark = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').config('spark.speculation', 'true').getOrCreate()\n"
            "for refused in (lambda: spark.dataSource.register(ByteAirDataSource), lambda: write(spark.range(1), topic='item', stage='pre_sync', date='2022-01-01')):\n"
            "    try:\n        refused()\n    except ValueError as error:\n        print(error)\n"
        )
        told = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=1200)
        self.assertEqual(told.stdout.decode().count("spark.speculation=true is refused"), 2)

    @needs_source
    def test_the_examples_upload_a_folder_of_json_and_days_of_parquet(self):
        sandbox = self.sandbox()
        folders = {name: os.path.join(self.folder, name) for name in ("json", "parquet")}
        spark.range(0, 300, 1, 3).write.json(folders["json"])
        spark.range(0, 300, 1, 3).withColumn("dt", F.lit(DAY)).write.parquet(folders["parquet"])
        environment = dict(
            os.environ, BYTEAIR_HOST=sandbox.host, BYTEAIR_SCHEME="http", BYTEAIR_TENANT_ID="1", BYTEAIR_APPLICATION_ID="1",
            BYTEAIR_STATE_DIR=os.path.join(self.folder, "state"), SPARK_LOCAL_IP="127.0.0.1",
        )
        for name, words in [("json_folder.py", [folders["json"], DAY]), ("parquet_days.py", [folders["parquet"], "dt"])]:
            script = os.path.join(HERE, "..", "examples", name)
            ended = subprocess.run([sys.executable, script, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200, check=False)
            self.assertEqual(ended.returncode, 0, ended.stdout.decode()[-4000:])
        self.assertEqual(sandbox.dates()[DAY], (300, 1, "acked"))
        self.assertEqual(sandbox.dates("behavior")[DAY], (300, 1, "acked"))
