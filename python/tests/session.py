"""One Spark for all tests, in local mode, and what they have in common."""

import atexit
import json
import os
import shutil
import tempfile
import unittest

from pyspark.sql import SparkSession

import byteair_sync.spark
from sandbox import Sandbox

DAY = "2022-01-01"
#: Spark 3 has no data sources in Python; there every upload goes the other way.
HAS_SOURCE = hasattr(byteair_sync.spark, "ByteAirDataSource")
needs_source = unittest.skipUnless(HAS_SOURCE, "this Spark has no data sources in Python")


def _started():
    # A zone in which an hour of each year comes twice; the workers take it over.
    os.environ["TZ"] = "Europe/Berlin"
    session = (
        SparkSession.builder.master("local[4,4]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "50")
        .config("spark.sql.session.timeZone", "Asia/Shanghai")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    if HAS_SOURCE:
        session.dataSource.register(byteair_sync.spark.ByteAirDataSource)
    atexit.register(session.stop)
    return session


spark = _started()


class SparkTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def sandbox(self, *options, **more):
        sandbox = Sandbox(*options, **more)
        self.addCleanup(sandbox.close)
        return sandbox

    def checking_sandbox(self):
        """A server that rejects rows of topic item whose v is missing or no integer."""
        schemas = tempfile.mkdtemp(dir=self.folder)
        with open(os.path.join(schemas, "item.json"), "w", encoding="utf-8") as out:
            json.dump({"fields": [{"name": "v", "type": "int64", "level": "required"}]}, out)
        return self.sandbox("--schema-dir", schemas)

    def save(self, frame, sandbox, **options):
        options = sandbox.options(self.folder, **options)
        if not HAS_SOURCE:
            byteair_sync.spark.write(frame, **options)
            return
        frame.write.format("byteair").options(**options).mode("append").save()

    def assert_all_once(self, sandbox, frame, day=DAY):
        sent = sorted(row["id"] for row in sandbox.rows(day))
        self.assertEqual(sent, sorted(row["id"] for row in frame.select("id").collect()))
        self.assertEqual(sandbox.dates()[day][1:], (1, "acked"))
