"""What the driver says of an upload, and what it refuses to begin."""

import contextlib
import io
import os
import tempfile
import time
import unittest
from unittest import mock

from pyspark.sql import functions as F

from byteair_sync.driver import Driver
from byteair_sync.errors import DoneUnknown
from byteair_sync.options import OptionError, parse
from byteair_sync.spark import write
from session import DAY, SparkTest, spark


class UnknownDone(SparkTest):
    def test_a_done_of_unknown_outcome_is_told_as_that_and_asked_for_again(self):
        data = os.path.join(self.folder, "data")
        deaf = self.sandbox("--data-dir", data, "--fault", "lost-reply=1", "--fault-on", "done")
        frame = spark.range(0, 100, 1, 2).withColumn("dt", F.date_add(F.lit(DAY).cast("date"), (F.col("id") % 2).cast("int")))
        options = deaf.options(self.folder, dateColumn="dt", retryFor="1s")
        log = io.StringIO()
        with self.assertRaises(DoneUnknown) as caught, contextlib.redirect_stderr(log):
            write(frame, **options)
        for told in (str(caught.exception), log.getvalue()):
            self.assertIn("nobody knows whether it got through", told)
            self.assertIn("the same job again", told)
            self.assertNotIn("no done was sent", told)
            self.assertNotIn("was not accepted", told)
            self.assertIn(DAY, told)
        # From another process, as the data source asks.
        told = Driver(parse(options)).abort({"service": None, "closed": [], "shares_service": False})
        self.assertIn(f"done for {DAY}, 2022-01-02 was sent, but nobody knows", told)
        deaf.close()
        sandbox = self.sandbox("--data-dir", data, listen=deaf.host)
        self.save(frame, sandbox, dateColumn="dt")
        self.assertEqual(sandbox.dates(), {DAY: (50, 1, "acked"), "2022-01-02": (50, 1, "acked")})
        # No row went to a day that may have been done.
        self.assertEqual(sandbox.state()["requests_total"], 2)
        self.assertEqual({day.gate for day in Driver(parse(options)).ledger.days().values()}, {"done"})
        with self.assertRaisesRegex(Exception, "is done, with 50 rows"):
            self.save(frame.where("id > 5"), sandbox, dateColumn="dt")

    def test_other_rows_for_a_day_that_may_be_done_are_not_sent(self):
        deaf = self.sandbox("--fault", "lost-reply=1", "--fault-on", "done")
        options = deaf.options(self.folder, date=DAY, retryFor="0s")
        with self.assertRaises(DoneUnknown):
            write(spark.range(10), **options)
        rows = deaf.dates()[DAY][0]
        with self.assertRaisesRegex(Exception, "may be done already"):
            write(spark.range(20), **options)
        self.assertEqual(deaf.dates()[DAY][0], rows)


class Instants(SparkTest):
    def test_the_hour_that_comes_twice_keeps_its_instants_and_days(self):
        self.assertEqual(time.localtime(1667093400)[3], 2, "the workers' zone has no such hour")
        frame = spark.sql(
            """select id, at, array(at) as nested, struct(at as inner) as inside, at as dt
            from (select id, timestamp_seconds(1667089800 + 3600 * id) as at from range(0, 2, 1, 2))"""
        )
        sandbox = self.sandbox()
        self.save(frame, sandbox, dateColumn="dt")
        write(frame, **sandbox.options(self.folder, date=DAY))
        for day in ("2022-10-30", DAY):
            rows = sorted(sandbox.rows(day), key=lambda row: row["id"])
            self.assertEqual([row["at"] for row in rows], [1667089800, 1667093400])
            self.assertEqual([row["nested"] for row in rows], ["[1667089800]", "[1667093400]"])
            self.assertEqual([row["inside"] for row in rows], ['{"inner":1667089800}', '{"inner":1667093400}'])


    def test_a_timestamp_without_a_zone_has_the_day_that_it_shows(self):
        frame = spark.sql(
            """select id, timestamp_ntz'2022-01-01 23:59:59.999' as dt from range(0, 2)
            union all select id, timestamp_ntz'2022-01-02 00:00:00' from range(2, 5)"""
        )
        sandbox = self.sandbox()
        self.save(frame, sandbox, dateColumn="dt", timezone="America/New_York")
        self.assertEqual(sandbox.dates(), {DAY: (2, 1, "acked"), "2022-01-02": (3, 1, "acked")})
        write(frame, **sandbox.options(self.folder, dateColumn="dt", topic="user"))
        self.assertEqual({day: told[0] for day, told in sandbox.dates("user").items()}, {DAY: 2, "2022-01-02": 3})


class Folders(unittest.TestCase):
    def options(self, **more):
        return parse(dict({"topic": "item", "stage": "history_sync", "date": DAY}, **more))

    def test_only_folders_of_the_driver_are_taken(self):
        for name in ("rejectsPath", "stateDir"):
            for path in ("hdfs:///tmp/x", "s3a://bucket/x", "dbfs:/tmp/x", "file://elsewhere/x", "abfss://a@b.net/x"):
                with self.assertRaisesRegex(OptionError, f"option {name}: {path} is not on the driver's own disk"):
                    self.options(**{name: path})
        for path in ("/tmp/x", "file:///tmp/x", "file:/tmp/x", "file://localhost/tmp/x"):
            options = self.options(rejectsPath=path, stateDir=path)
            self.assertEqual((options.rejects_path, options.state_dir), ("/tmp/x", "/tmp/x"))
        self.assertEqual(self.options(rejectsPath="here/12:30").rejects_path, "here/12:30")

    def test_the_folder_of_the_environment_is_no_exception(self):
        os.environ["BYTEAIR_STATE_DIR"] = "hdfs:///tmp/x"
        self.addCleanup(os.environ.pop, "BYTEAIR_STATE_DIR")
        with self.assertRaisesRegex(OptionError, "BYTEAIR_STATE_DIR: hdfs:///tmp/x is not"):
            Driver(self.options())


class Zones(unittest.TestCase):
    """Days end where the program says that they end, whoever told it."""

    GIVEN = {"topic": "item", "stage": "history_sync", "date": "2022-10-07"}

    def zone(self, environment, **more):
        with mock.patch.dict(os.environ, environment):
            made = parse({**self.GIVEN, **more})
        return made.zone, made.connection

    def test_zone_and_region_of_the_environment_count_for_days_too(self):
        self.assertEqual(self.zone({})[0], "Asia/Shanghai")
        self.assertEqual(self.zone({"BYTEAIR_TIMEZONE": "UTC"})[0], "UTC")
        self.assertEqual(self.zone({"BYTEAIR_REGION": "oversea1"}), ("UTC", ["--region=oversea1"]))
        self.assertEqual(self.zone({"BYTEAIR_TIMEZONE": "UTC"}, timezone="Asia/Tokyo")[0], "Asia/Tokyo")
        # A host that is named is another region, or none.
        zone, words = self.zone({"BYTEAIR_REGION": "oversea1"}, host="127.0.0.1:1", scheme="http")
        self.assertEqual((zone, words), ("Asia/Shanghai", ["--host=127.0.0.1:1", "--scheme=http"]))
        self.assertEqual(self.zone({}, host="api-oversea1.byteair.volces.com")[0], "UTC")

    def test_what_is_no_zone_is_told_before_anything_is_begun(self):
        for given in ({"timezone": "Mars/X"}, {"region": "oversea1", "timezone": "Asia/Tokyo"}):
            with self.assertRaisesRegex(OptionError, "timezone: "):
                self.zone({}, **given)
        with self.assertRaisesRegex(OptionError, "environment BYTEAIR_TIMEZONE"):
            self.zone({"BYTEAIR_TIMEZONE": "Mars/X"})


class Profiles(SparkTest):
    def test_zone_state_directory_and_target_of_a_profile_count(self):
        config = os.path.join(self.folder, "config.toml")
        with open(config, "w", encoding="utf-8") as out:
            for name, zone in (("west", "America/New_York"), ("east", "Asia/Tokyo")):
                out.write(
                    f'[profile.{name}]\ntimezone = "{zone}"\ntenant_id = "{len(zone)}"\n'
                    f'state_dir = "{self.folder}/of the profiles"\n'
                )
        frame = spark.sql("select id, timestamp_seconds(1641009600) as dt from range(0, 3, 1, 2)")
        sandbox = self.sandbox()
        options = sandbox.options(self.folder, dateColumn="dt", stateDir=None)
        records = set()
        for name, day in (("west", "2021-12-31"), ("east", DAY)):
            with mock.patch.dict(os.environ, {"BYTEAIR_CONFIG": config, "BYTEAIR_PROFILE": name}):
                self.assertEqual(write(frame, **options).done, [day])
                records.add(Driver(parse(dict(options, tenantId=None))).record.path)
        self.assertEqual(sandbox.dates(), {"2021-12-31": (3, 1, "acked"), DAY: (3, 1, "acked")})
        # One folder, and a record for each target.
        self.assertEqual({os.path.dirname(path) for path in records}, {os.path.join(self.folder, "of the profiles", "spark")})
        self.assertEqual(len(records), 2)


class Nothing(SparkTest):
    def test_none_is_an_option_that_was_not_given(self):
        sandbox, here = self.sandbox(), os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(tempfile.mkdtemp(dir=self.folder))
        options = sandbox.options(self.folder, date=DAY, dateColumn=None, rejectsPath=None, uploadId=None, quotaHost=None)
        frame = spark.createDataFrame([(1, 1.0), (2, float("nan"))], "id long, v double")
        self.assertEqual(write(frame, maxErrors=1, **options).done, [DAY])
        self.assertEqual(os.listdir("."), [])

    def test_a_frame_without_rows_fails_with_a_column_of_days_as_with_one_day(self):
        sandbox, log = self.sandbox(), io.StringIO()
        frame = spark.range(0, 0, 1, 2).withColumn("dt", F.lit(DAY))
        with self.assertRaisesRegex(Exception, "there is no row, so there is no day to send done for"):
            self.save(frame, sandbox, dateColumn="dt")
        with contextlib.redirect_stderr(log):
            self.assertEqual(write(frame, **sandbox.options(self.folder, dateColumn="dt", allowEmpty=True)).done, [])
        self.assertIn("byteair: there was no row, so there is no day and no done was sent", log.getvalue())
        self.assertEqual(sandbox.state()["requests_total"], 0)
