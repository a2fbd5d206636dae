"""Uploads to Volcengine's recommendation platform (ByteAir) from Python programs.

The work is done by the program ``byteair-sync``, which comes with this package;
``byteair_sync.spark`` uses it from Apache Spark.
"""
