"""Uploads DataFrames from Apache Spark.

Spark 4: ``spark.dataSource.register(ByteAirDataSource)``, then ``df.write.format("byteair")``.
Any Spark from 3.2 on: ``write(df, topic=..., stage=..., date=...)``.
"""

import contextlib
import os
import time

from . import driver
from .driver import Driver, tell
from .encode import Encoder
from .errors import DoneUnknown, UploadError  # noqa: F401
from .options import OptionError, parse
from .service import driver_pid
from .task import Task


def _refuse_speculation(conf):
    if str(conf.get("spark.speculation", "false")).lower() == "true":
        raise OptionError(
            "spark.speculation=true is refused: it runs a task twice at one time, and rows that come in another order "
            "would be stored twice. Set spark.speculation=false"
        )


def _attempt():
    from pyspark import TaskContext

    context = TaskContext.get()
    return context, context.partitionId(), context.attemptNumber()


@contextlib.contextmanager
def _clock_of_utc():
    """Has Spark hand over instants in UTC.

    It makes them local times of this process, which name two instants in the hour in which clocks are put back."""
    before = os.environ.get("TZ")
    _set_zone("UTC")
    try:
        yield
    finally:
        # Spark uses the process for other tasks too.
        _set_zone(before)


def _set_zone(name):
    os.environ.pop("TZ", None)
    if name is not None:
        os.environ["TZ"] = name
    time.tzset()


def _upload_partition(plan, schema, rows, stream=False):
    context, partition, attempt = _attempt()
    where = None
    if stream:
        # The same batch again, after a restart too, has the same names.
        where = [context.getLocalProperty(name) for name in ("sql.streaming.queryId", "streaming.sql.batchId")]
        if None in where:
            raise OptionError("this Spark does not tell tasks which micro-batch they belong to; use foreachBatch and write(df)")
    # The rows are made while they are taken.
    with _clock_of_utc():
        return Task(plan, Encoder(schema, plan["options"]), partition, attempt, where).run(rows)


class Result:
    """What an upload came to."""

    def __init__(self, total):
        #: Days for which ``done`` was sent by this call.
        self.done = total.sent
        #: By day: rows, accepted, unconfirmed, rejected.
        self.dates = {day: total.counts(day) for day in total.dates}
        #: Rejected rows, each with its reason.
        self.rejects = total.rejects

    def rejects_frame(self, spark):
        """The rejected rows as a DataFrame."""
        columns = "date string, code string, message string, column string, source string, raw string, partition long, record long, request_id string"
        names = [part.split()[0] for part in columns.split(", ")]
        return spark.createDataFrame([tuple(reject[name] for name in names) for reject in self.rejects], columns)


def write(df, **options):
    """Uploads a DataFrame and sends ``done`` for each of its days. Works on Spark 3 too.

    Raises :class:`UploadError` or what Spark raises when the upload is not complete."""
    spark = df.sparkSession if hasattr(df, "sparkSession") else df.sql_ctx.sparkSession
    context = spark.sparkContext
    _refuse_speculation(dict(context.getConf().getAll()))
    options = {key: str(value) for key, value in options.items() if value is not None}
    host = context.getConf().get("spark.driver.host")
    if host and not any(key.lower() == "quotahost" for key in options):
        options["quotaHost"] = host
    checked, schema = parse(options), df.schema
    checked.demand_upload_id()
    upload, plan = Driver(checked), driver.prepare(checked, schema)
    parts = context.accumulator([], _gathering())

    def upload_partition(rows):
        result = _upload_partition(plan, schema, rows)
        # A job that fails midway gives no results, and its rejected rows are told only once.
        told = {name: result[name] for name in ("rejects", "undetermined", "found")}
        parts.add([dict(told, dates=list(result["dates"]))])
        return [result]

    try:
        results = df.rdd.mapPartitions(upload_partition).collect()
        return Result(upload.commit(plan, results))
    except BaseException:
        tell(upload.abort(plan, parts.value))
        raise
    finally:
        if plan["service"]:
            upload.service.stop(plan["service"]["name"])


def _gathering():
    from pyspark.accumulators import AccumulatorParam

    class Gathering(AccumulatorParam):
        def zero(self, value):
            return []

        def addInPlace(self, value1, value2):
            return value1 + value2

    return Gathering()


try:
    from pyspark.sql.datasource import DataSource, DataSourceStreamWriter, DataSourceWriter, WriterCommitMessage
except ImportError:  # Spark 3 has no data sources in Python.
    pass
else:

    class Uploaded(WriterCommitMessage):
        """What a task brings back."""

        def __init__(self, result):
            self.result = result

    def _results(messages):
        return [message.result if message is not None else None for message in messages]

    class ByteAirWriter(DataSourceWriter):
        """A batch: each task uploads its partition, the driver sends ``done``."""

        def __init__(self, options, schema):
            self.options, self.schema = options, schema
            self.plan = driver.prepare(options, schema)

        def write(self, iterator):
            return Uploaded(_upload_partition(self.plan, self.schema, iterator))

        def commit(self, messages):
            Driver(self.options).commit(self.plan, _results(messages))

        def abort(self, messages):
            tell(Driver(self.options).abort(self.plan, _results(messages)))

    class ByteAirStreamWriter(DataSourceStreamWriter):
        """Micro-batches into the streaming stage, which has no ``done``."""

        def __init__(self, options, schema):
            if not options.is_streaming_stage:
                raise OptionError(
                    f"a stream does not end, so its days get no done: stage {options.stage} takes batches. Use "
                    "foreachBatch with byteair_sync.spark.write, or stage incremental_sync_streaming"
                )
            self.options, self.schema = options, schema
            # Spark makes a writer for each micro-batch, and one more to commit it.
            self.plan = driver.prepare(options, schema, running=f"stream-{driver_pid()}-{options.topic}")

        def write(self, iterator):
            return Uploaded(_upload_partition(self.plan, self.schema, iterator, stream=True))

        def commit(self, messages, batchId):
            Driver(self.options).commit(self.plan, _results(messages))

        def abort(self, messages, batchId):
            tell(f"batch {batchId}: {Driver(self.options).abort(self.plan, _results(messages))}")

    class ByteAirDataSource(DataSource):
        """``df.write.format("byteair")``, after ``spark.dataSource.register(ByteAirDataSource)``."""

        @classmethod
        def name(cls):
            # Asked for on registration too, in the only process that knows the configuration.
            from pyspark import SparkContext

            context = SparkContext._active_spark_context
            if context is not None:
                _refuse_speculation(dict(context.getConf().getAll()))
            return "byteair"

        def writer(self, schema, overwrite):
            if overwrite:
                raise OptionError("mode overwrite is refused: rows that the platform has cannot be replaced; use append")
            options = parse(self.options)
            options.demand_upload_id()
            return ByteAirWriter(options, schema)

        def streamWriter(self, schema, overwrite):
            return ByteAirStreamWriter(parse(self.options), schema)
