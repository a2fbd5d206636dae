"""Uploads DataFrames from Apache Spark.

Spark 4: ``spark.dataSource.register(ByteAirDataSource)``, then ``df.write.format("byteair")``.
Any Spark from 3.2 on: ``write(df, topic=..., stage=..., date=...)``.
"""

import sys

from . import driver
from .driver import Driver, UploadError  # noqa: F401
from .encode import Encoder
from .options import OptionError, parse
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


def _upload_partition(plan, schema, rows, stream=False):
    context, partition, attempt = _attempt()
    where = None
    if stream:
        # The same batch again, after a restart too, has the same names.
        where = [context.getLocalProperty(name) for name in ("sql.streaming.queryId", "streaming.sql.batchId")]
        if None in where:
            raise OptionError("this Spark does not tell tasks which micro-batch they belong to; use foreachBatch and write(df)")
    return Task(plan, Encoder(schema, plan["options"]), partition, attempt, where).run(rows)


class Result:
    """What an upload came to."""

    def __init__(self, days, total):
        #: Days for which ``done`` was sent by this call.
        self.done = days
        #: By day: rows, accepted, unconfirmed, rejected.
        self.dates = {day: {name: told[name] for name in ("rows", "accepted", "unconfirmed", "rejected")} for day, told in total.dates.items()}
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
    options = {key: str(value) for key, value in options.items()}
    host = context.getConf().get("spark.driver.host")
    if host and not any(key.lower() == "quotahost" for key in options):
        options["quotaHost"] = host
    checked, schema = parse(options), df.schema
    upload, plan = Driver(checked), driver.prepare(checked, schema)
    try:
        results = df.rdd.mapPartitions(lambda rows: [_upload_partition(plan, schema, rows)]).collect()
        total = driver.Total(checked, results)
        if checked.is_streaming_stage:
            total.write_rejects()
            return Result([], total)
        return Result(upload.commit(plan, results), total)
    except BaseException:
        print(f"byteair: {upload.abort(plan)}", file=sys.stderr)
        raise
    finally:
        if plan["service"]:
            upload.stop(plan["service"]["name"])


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
            if self.options.is_streaming_stage:
                total = driver.Total(self.options, _results(messages))
                total.write_rejects()
                if self.plan["service"]:
                    Driver(self.options).stop(self.plan["service"]["name"])
                return
            Driver(self.options).commit(self.plan, _results(messages))

        def abort(self, messages):
            print(f"byteair: {Driver(self.options).abort(self.plan)}", file=sys.stderr, flush=True)

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
            self.plan = driver.prepare(options, schema, running=f"stream-{driver.driver_pid()}-{options.topic}")

        def write(self, iterator):
            return Uploaded(_upload_partition(self.plan, self.schema, iterator, stream=True))

        def commit(self, messages, batchId):
            driver.Total(self.options, _results(messages)).write_rejects()

        def abort(self, messages, batchId):
            print(f"byteair: batch {batchId}: the upload failed; the same batch again sends it under the same ids", file=sys.stderr, flush=True)

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
            return ByteAirWriter(parse(self.options), schema)

        def streamWriter(self, schema, overwrite):
            return ByteAirStreamWriter(parse(self.options), schema)
