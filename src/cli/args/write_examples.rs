//! What `write --help` ends with.

pub(super) const EXAMPLES: &str = "\
Quote globs: the same command then finds files that were added later.

Examples:
  Upload one day of history, then send done for it:
    byteair-sync write --topic item --stage history_sync \\
      --date 2022-01-01 item.jsonl
  Yesterday's rows from a directory of compressed files:
    byteair-sync write -t behavior -s incremental_sync_daily \\
      -d yesterday 'export/{date}/*.csv.gz'
  A month of history, one directory a day:
    byteair-sync write -t user -s history_sync -d 2022-01-01..2022-01-31 \\
      'user/dt={date:%Y%m%d}'
  Hive folders, the day from their names:
    byteair-sync write -t item -s history_sync -d 2022-01-01..2022-01-31 \\
      --date-from-path dt=%Y-%m-%d item/
  Rows of many days in one file, the day from a field:
    byteair-sync write -t behavior -s history_sync \\
      -d 2022-01-01..2022-01-31 --date-from-field bhv_time all.jsonl
  Rows of a pipe, streaming stage:
    make-rows | byteair-sync write -t item -s incremental_sync_streaming \\
      --format jsonl -
  Rows of a log as they are written, through rotation, until it is stopped:
    byteair-sync write -t behavior -s incremental_sync_streaming \\
      --follow /var/log/app/behavior.jsonl
  Rows of a Huawei DIS stream (credentials as for `checkpoint`):
    byteair-sync write -t behavior -s incremental_sync_streaming \\
      dis://orders --dis-app uploader --create-app
  Try it without an account, against a built-in server:
    byteair-sync write --sandbox -t item -s history_sync \\
      -d 2022-01-01 item.jsonl";
