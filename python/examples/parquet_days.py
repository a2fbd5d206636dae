"""Uploads a Parquet table of behavior, every day of it for itself: PARQUET_FOLDER DAY_COLUMN.

    spark-submit parquet_days.py hdfs:///warehouse/behavior dt

It takes Spark 4. The column that says the day is not sent.
"""

import sys

from pyspark.sql import SparkSession

from byteair_sync.spark import ByteAirDataSource

folder, column = sys.argv[1:]
spark = SparkSession.builder.appName("byteair behavior").getOrCreate()
spark.dataSource.register(ByteAirDataSource)
(
    spark.read.parquet(folder)
    .write.format("byteair")
    .option("topic", "behavior")
    .option("stage", "history_sync")
    .option("dateColumn", column)
    .mode("append")
    .save()
)
