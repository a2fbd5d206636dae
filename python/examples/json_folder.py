"""Uploads a folder of JSON files as items of one day: JSON_FOLDER DAY.

    spark-submit json_folder.py hdfs:///export/item/2022-10-07 2022-10-07

Whose data it is and the credentials come from the environment (BYTEAIR_HOST or BYTEAIR_REGION,
BYTEAIR_TENANT_ID, BYTEAIR_APPLICATION_ID, BYTEAIR_AK_FILE, BYTEAIR_SK_FILE) of driver and executors.
"""

import sys

from pyspark.sql import SparkSession

from byteair_sync.spark import write

folder, day = sys.argv[1:]
spark = SparkSession.builder.appName("byteair item").getOrCreate()
result = write(spark.read.json(folder), topic="item", stage="incremental_sync_daily", date=day)
for name, counts in result.dates.items():
    print(name, counts, "done" if name in result.done else "was done before")
