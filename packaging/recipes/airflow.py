"""A day of items as an Airflow task; the files on the worker, the keys in two files beside them.

The exit status decides: 0 is success; 11 (another run is at it) is skipped; everything else fails the
try. 5 (temporary) and 10 (the export is not there yet) are cured by a later try. The others name
in the log what a person has to do, and trying them again sends nothing. Airflow's own `ds` is the
day, so that a backfill uploads the days that it is asked for.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    dag_id="byteair_items",
    start_date=datetime(2022, 1, 1),
    schedule="15 1 * * *",
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="upload",
        bash_command=(
            "byteair-sync write -q --progress lines"
            " -t item -s incremental_sync_daily -d {{ ds }}"
            " --require-marker _SUCCESS '/data/export/item/{date}'"
        ),
        env={
            "BYTEAIR_REGION": "cn",
            "BYTEAIR_TENANT_ID": "2100021",
            "BYTEAIR_APPLICATION_ID": "12345678",
            "BYTEAIR_AK_FILE": "/run/secrets/byteair-ak",
            "BYTEAIR_SK_FILE": "/run/secrets/byteair-sk",
            # On a disk of the worker that stays: the ledger lies in it.
            "BYTEAIR_STATE_DIR": "/var/lib/byteair-sync",
        },
        append_env=True,
        skip_on_exit_code=[11],
        retries=32,
        retry_delay=timedelta(minutes=15),
        # SIGTERM lets requests in flight end; the next try goes on from there.
        execution_timeout=timedelta(hours=6),
    )
