"""What the driver refuses before a job begins, by its name. No Spark is started."""

import os
import shutil
import tempfile
import unittest

from pyspark.sql import types as T

from byteair_sync.driver import prepare
from byteair_sync.encode import Encoder
from byteair_sync.options import OptionError, parse
from byteair_sync.total import Total
from sandbox import BINARY

DAY = "2022-01-01"


class Refusals(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = os.path.join(self.folder, "state")

    def options(self, **more):
        given = {
            "topic": "item", "stage": "history_sync", "host": "127.0.0.1:9", "scheme": "http", "tenantId": "1", "applicationId": "1",
            "stateDir": self.state, "quota": "static", "quotaMachines": "1", "binary": BINARY,
        }
        return dict(given if "dateColumn" in more or more.get("stage", "").endswith("streaming") else dict(given, date=DAY), **more)

    def refuse(self, words, schema=None, **more):
        schema = schema or T.StructType([T.StructField("id", T.LongType()), T.StructField("dt", T.StringType())])
        with self.assertRaisesRegex(OptionError, words) as caught:
            prepare(parse(self.options(**more)), schema)
        self.assertNotIn("quotaHost", str(caught.exception))
        # No upload has begun that others would wait for.
        self.assertFalse(os.path.exists(os.path.join(self.state, "ledger.db")))

    def test_a_wrong_value_is_named_as_what_it_is(self):
        streaming = {"stage": "incremental_sync_streaming", "yesIMean": "streaming-only", "uploadId": "a"}
        for kind in ({}, {"dateColumn": "dt"}, streaming):
            for option, value, words in (
                ("qps", "0", "--qps"), ("retryFor", "abc", "--retry-for"), ("timeout", "-1s", "--timeout"),
                ("host", "http://127.0.0.1:1", "--host"), ("timezone", "Mars/X", "Mars/X"),
            ):
                self.refuse(words, **kind, **{option: value})
        self.refuse("maxErrors: '200%'", maxErrors="200%")
        self.refuse("option proxy with a user in it is refused", proxy="http://user:password@127.0.0.1:9")
        self.refuse("option topic: no value may hold a NUL", topic="a\0b")
        self.refuse("option uploadid: no value may hold a NUL", uploadId="\0")

    def test_a_folder_of_rejects_that_cannot_be_one_is_told_before_rows_are_sent(self):
        path = os.path.join(self.folder, "file")
        with open(path, "w", encoding="utf-8"):
            self.refuse("rejectsPath: .*/file cannot be made a folder", rejectsPath=path)

    def test_maps_whose_keys_python_cannot_hold_are_refused_by_the_name_of_their_column(self):
        numbers = T.ArrayType(T.LongType())
        for key in (numbers, T.BinaryType(), T.StructType([T.StructField("inner", numbers)])):
            for kind in (T.MapType(key, T.StringType()), T.ArrayType(T.MapType(key, T.StringType()))):
                schema = T.StructType([T.StructField("id", T.LongType()), T.StructField("m", kind)])
                self.refuse(r"column m(\[\])? is a map whose keys hold arrays", schema=schema)
        held = T.MapType(T.StructType([T.StructField("inner", T.LongType())]), numbers)
        Encoder(T.StructType([T.StructField("m", held)]), parse(self.options()))

    def test_names_that_look_like_flags_are_names(self):
        streaming = {"stage": "incremental_sync_streaming", "yesIMean": "streaming-only"}
        for given in ({"uploadId": "--restart"}, {"topic": "-2022"}, {"dateColumn": "dt", "batchRows": "7"}, dict(streaming, uploadId="-")):
            schema = T.StructType([T.StructField(name, T.StringType()) for name in ("id", "dt")])
            self.assertEqual(prepare(parse(self.options(**given)), schema)["closed"], [])


class Counts(unittest.TestCase):
    def total(self, rows, rejects, **options):
        made = parse(dict({"topic": "item", "stage": "history_sync", "date": DAY, "binary": BINARY}, **options))
        date = {"rows": rows, "digest": 7, "read": rows, "accepted": rows, "unconfirmed": 0, "rejected": 0, "pending": 0, "report": {}}
        names = dict.fromkeys(("request_ids", "again", "undetermined", "found"), [])
        told = [{"date": DAY, "code": "not_finite", "message": "nan", "column": "v", "request_id": None}] * rejects
        result = dict(names, partition=0, attempt=0, dates={DAY: date} if rows else {}, rejects=told, failed=None, stream=None)
        return Total(made, [result])

    def test_rows_that_no_task_could_hand_on_count_as_rejected_rows(self):
        self.assertEqual(self.total(18, 2).counts(DAY), {"rows": 20, "accepted": 18, "unconfirmed": 0, "rejected": 2})

    def test_a_day_of_which_nothing_is_stored_is_not_promised_a_budget_that_covers_it(self):
        lost, beyond = self.total(0, 3, maxErrors="100%"), self.total(5, 3)
        self.assertIn("which no maxErrors covers", str(lost.problems_of_days(())))
        beyond.problems_of_days(())
        self.assertEqual((lost.is_all_lost, beyond.is_all_lost, beyond.is_beyond_budget), (True, False, True))


if __name__ == "__main__":
    unittest.main()
