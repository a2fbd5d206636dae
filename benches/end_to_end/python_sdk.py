"""Uploads a file of JSON lines with the official Python SDK, the way its README does it.

Arguments: host:port, file. The SDK's sources are found through PYTHONPATH.
"""

import json
import sys
from datetime import datetime, timedelta

from byteair.client import ClientBuilder
from core.option import Option

BATCH_ROWS = 10_000


def main():
    host, path = sys.argv[1:]
    client = (
        ClientBuilder()
        .tenant_id("2100021")
        .application_id("20013144")
        .schema("http")
        .hosts([host])
        .ak("AKBENCHMARK000000001")
        .sk("benchmark-secret-key")
        .build()
    )
    options = [
        Option.with_stage("history_sync"),
        Option.with_data_date(datetime(2022, 1, 1)),
        Option.with_timeout(timedelta(seconds=60)),
    ]

    def write(rows):
        response = client.write_data(rows, "item", *options)
        assert response.status.code == 0, response

    batch = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            batch.append(json.loads(line))
            if len(batch) == BATCH_ROWS:
                write(batch)
                batch = []
    if batch:
        write(batch)
    done = client.done(
        [datetime(2022, 1, 1)],
        "item",
        Option.with_stage("history_sync"),
        Option.with_timeout(timedelta(seconds=60)),
    )
    assert done.status.code == 0, done


main()
