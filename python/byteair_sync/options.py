"""The options of an upload: what can be asked for, checked once on the driver.

Options are texts, as Spark hands them over; their names are not case-sensitive. Secrets are none of
them: they would end up in query plans and logs. Every machine reads them from its environment.
"""

import os
import re
from dataclasses import dataclass, field
from typing import List, Optional, Tuple

from .settings import Settings

STREAMING = "incremental_sync_streaming"
STAGES = ("pre_sync", "history_sync", "incremental_sync_daily", STREAMING)
MAX_BATCH_ROWS = 10_000

#: Options that become options of the program, for the tasks and for ``done``.
CONNECTION = {
    "host": "--host",
    "region": "--region",
    "scheme": "--scheme",
    "tenantid": "--tenant-id",
    "applicationid": "--application-id",
    "auth": "--auth",
    "cacert": "--ca-cert",
    "proxy": "--proxy",
    "timezone": "--timezone",
}
#: The same for how requests are sent, and for the rate, which the quota service has to know as well.
SENDING = {"timeout": "--timeout", "retryfor": "--retry-for", "retrymaxdelay": "--retry-max-delay"}
RATE = {"rateguard": "--rate-guard", "qps": "--qps", "rowspersecond": "--rows-per-second"}
# Spark hands its own options on to the writer of a stream.
SPARKS_OWN = ("checkpointlocation",)
SECRETS = ("ak", "sk", "token", "sessiontoken", "accesskey", "secretkey", "password", "secret")
OTHERS = (
    "topic", "stage", "date", "datecolumn", "keepdatecolumn", "uploadid", "timestamps", "nulls", "sort",
    "sortmemory", "maxerrors", "rejectspath", "done", "allowempty", "statedir", "binary", "quota",
    "quotahost", "quotamachines", "batchrows", "allowplainhttp", "yesimean",
    "unconfirmed", "giveup",
)


class OptionError(ValueError):
    """An option that cannot be taken; nothing was sent."""


@dataclass
class Options:
    """What an upload was asked to do."""

    topic: str
    stage: str
    date: Optional[str] = None
    date_column: Optional[str] = None
    keep_date_column: bool = False
    upload_id: Optional[str] = None
    milliseconds: bool = False
    null_is_sent: bool = False
    sort: bool = True
    sort_memory: int = 64 << 20
    max_errors: Tuple[float, bool] = (0, False)
    rejects_path: Optional[str] = None
    done: bool = True
    allow_empty: bool = False
    state_dir: Optional[str] = None
    binary: Optional[str] = None
    quota: str = "service"
    quota_host: Optional[str] = None
    quota_machines: int = 0
    batch_rows: int = MAX_BATCH_ROWS
    hold_unconfirmed: bool = False
    #: Uploads whose missing rows no day waits for any longer.
    give_up: Tuple[str, ...] = ()
    #: Whose data it is, as the driver's ledger spells it; known once that was looked at.
    target: Optional[str] = None
    #: The zone in which days end, for the program.
    zone: str = "UTC"
    #: What of the target the config file says.
    profile: List[str] = field(default_factory=list)
    connection: List[str] = field(default_factory=list)
    sending: List[str] = field(default_factory=list)
    rate: List[str] = field(default_factory=list)

    @property
    def is_streaming_stage(self):
        return self.stage == STREAMING

    @property
    def identity(self):
        """What repeated uploads have in common; the seed of their Request-Ids begins with it."""
        when = self.date or (f"column {self.date_column}" if self.date_column else "stream")
        return self.upload_id or f"{self.topic} {self.stage} {when}"

    def demand_upload_id(self):
        """A batch into the streaming stage has no day, so nothing else tells two writes of equal rows apart."""
        if self.is_streaming_stage and not self.upload_id:
            raise OptionError(
                f"a batch into stage {STREAMING} needs the option uploadId: a name of its own for each write, and the same "
                "when that write is repeated, such as the day and hour of the rows or the batch id of foreachBatch. Under one "
                "name the platform takes equal rows once"
            )


def _flag(name, text):
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if str(text).lower() not in words:
        raise OptionError(f"option {name}: {text!r} is neither true nor false")
    return words[str(text).lower()]


def _number(name, text, least, most):
    if not re.fullmatch(r"\d{1,12}", str(text)) or not least <= int(text) <= most:
        raise OptionError(f"option {name}: {text!r} is no number from {least} to {most}")
    return int(text)


def _word(name, text, words):
    if str(text).lower() not in words:
        raise OptionError(f"option {name}: {text!r} is none of {', '.join(words)}")
    return str(text).lower()


def day(text):
    """A day as ``2022-01-01`` from that or ``20220101``; ``None`` for anything else."""
    found = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", str(text).strip())
    if not found or str(text).count("-") not in (0, 2):
        return None
    import datetime

    try:
        return datetime.date(*(int(part) for part in found.groups())).isoformat()
    except ValueError:
        return None


def local_path(name, text):
    """A folder of the driver's machine; anything else would end up in a folder of that name there."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)", text or "")
    if not found:
        return text
    local = re.fullmatch(r"file:(?://(?:localhost)?)?(/[^/].*)", text, re.IGNORECASE)
    if not local:
        raise OptionError(
            f"{name}: {text} is not on the driver's own disk; {found.group(1)} paths cannot be written to. Name a local folder "
            "that survives the driver (for rejected rows in a table there is write(df, ...).rejects_frame(spark))"
        )
    return local.group(1)


def _names(text):
    """One name, or several with commas; a name may hold commas itself."""
    return tuple({text: None, **{name.strip(): None for name in text.split(",")}}) if text else ()


def _budget(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", str(text).strip())
    if not found or (not found.group(2) and "." in found.group(1)):
        raise OptionError(f"option maxErrors: {text!r} is neither a number nor a share such as 0.1%")
    if found.group(2) and float(found.group(1)) > 100:
        raise OptionError(f"option maxErrors: {text!r} is more than all rows; a share is at most 100%")
    return float(found.group(1)), bool(found.group(2))


def parse(given):
    """Checks the options; raises :class:`OptionError` for the first that cannot be taken."""
    options = {key.lower(): value for key, value in dict(given).items() if value is not None}
    for key in SPARKS_OWN:
        options.pop(key, None)
    for key, value in options.items():
        if "\0" in str(value):
            raise OptionError(f"option {key}: no value may hold a NUL")
    # The executors may not have it; beside a host it would be a contradiction.
    if not options.keys() & {"region", "host"} and os.environ.get("BYTEAIR_REGION") and not os.environ.get("BYTEAIR_HOST"):
        options["region"] = os.environ["BYTEAIR_REGION"]
    for key in options:
        if key in SECRETS or any(key == name for name in ("byteair_sk", "byteair_ak", "byteair_token")):
            raise OptionError(
                f"option {key} is refused: options end up in plans and logs. Set BYTEAIR_AK_FILE and BYTEAIR_SK_FILE, "
                "which name files on each machine, in the environment of the driver and of the executors "
                "(spark.executorEnv.BYTEAIR_AK_FILE...; what stands in spark.executorEnv is shown on Spark's pages, so the "
                "keys themselves must not)"
            )
        if not any(key in known for known in (CONNECTION, SENDING, RATE, OTHERS)):
            raise OptionError(f"there is no option {key}; see the README of byteair-sync, 'Spark'")
    if not options.get("topic") or not options.get("stage"):
        raise OptionError("the options topic and stage are needed")
    made = Options(
        topic=str(options["topic"]),
        stage=_word("stage", options["stage"], STAGES),
        date_column=options.get("datecolumn"),
        keep_date_column=_flag("keepDateColumn", options.get("keepdatecolumn", "false")),
        upload_id=options.get("uploadid"),
        milliseconds=_word("timestamps", options.get("timestamps", "seconds"), ("seconds", "milliseconds"))
        == "milliseconds",
        null_is_sent=_word("nulls", options.get("nulls", "omit"), ("omit", "null")) == "null",
        sort=_flag("sort", options.get("sort", "true")),
        sort_memory=_number("sortMemory", options.get("sortmemory", 64 << 20), 1 << 16, 1 << 40),
        max_errors=_budget(options.get("maxerrors", "0")),
        rejects_path=local_path("option rejectsPath", options.get("rejectspath")),
        done=_flag("done", options.get("done", "true")),
        allow_empty=_flag("allowEmpty", options.get("allowempty", "false")),
        state_dir=local_path("option stateDir", options.get("statedir")),
        binary=options.get("binary"),
        quota=_word("quota", options.get("quota", "service"), ("service", "static")),
        quota_host=options.get("quotahost"),
        quota_machines=_number("quotaMachines", options.get("quotamachines", 0), 0, 100),
        batch_rows=_number("batchRows", options.get("batchrows", MAX_BATCH_ROWS), 1, MAX_BATCH_ROWS),
        give_up=_names(options.get("giveup", "")),
        hold_unconfirmed=_word("unconfirmed", options.get("unconfirmed", "accept"), ("accept", "hold")) == "hold",
    )
    _dates(made, options)
    if made.quota == "static" and not made.quota_machines:
        raise OptionError("quota=static needs quotaMachines, the number of machines that upload")
    if "@" in str(options.get("proxy", "")):
        raise OptionError(
            "option proxy with a user in it is refused: options end up in plans and process lists. Set BYTEAIR_PROXY in the "
            "environment of the driver and of the executors, or proxy in the config file of each machine"
        )
    for known, words in ((CONNECTION, made.connection), (SENDING, made.sending), (RATE, made.rate)):
        for key, flag in known.items():
            for value in str(options.get(key, "")).split(",") if key == "host" else [str(options.get(key, ""))]:
                if value:
                    # In one word, so that a value that begins with "-" is no flag.
                    words.append(f"{flag}={value.strip()}")
    if _flag("allowPlainHttp", options.get("allowplainhttp", "false")):
        made.connection.append("--allow-plain-http")
    _ask(made)
    return made


def _ask(made):
    """What the environment and the config file of this machine have to say, in the program's words."""
    try:
        settings = Settings(made.binary, made.connection)
        made.zone = settings.value("timezone")
        made.state_dir = made.state_dir or local_path(settings.origin("state_dir"), settings.value("state_dir"))
        made.profile = settings.of_profile()
    except ValueError as error:
        raise OptionError(str(error)) from None


def _dates(made, options):
    if made.is_streaming_stage:
        if "date" in options or made.date_column:
            raise OptionError(f"stage {STREAMING} has neither date nor done; leave date and dateColumn out")
        if options.get("yesimean") != "streaming-only":
            raise OptionError(
                f"stage {STREAMING} is a one-way door: a project that began with it takes no daily data any more. "
                "Confirm with option yesIMean=streaming-only"
            )
        return
    if ("date" in options) == bool(made.date_column):
        raise OptionError(f"stage {made.stage} needs the day of the rows: either date or dateColumn")
    if "date" in options:
        made.date = day(options["date"])
        if not made.date:
            raise OptionError(f"option date: {options['date']!r} is no day such as 2022-01-01")
