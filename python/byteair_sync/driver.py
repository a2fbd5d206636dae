"""The driver's side of an upload: what the tasks are told, and ``done`` when all of them are in.

The date belongs to the driver's ledger, in a state directory that has to survive the driver. What was
begun and what was in a date when its ``done`` was sent is kept beside it, so that a rerun finds out
whether it is the same upload.
"""

import contextlib
import fcntl
import hashlib
import ipaddress
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from . import binary
from .encode import Encoder

#: How long the quota service may take to come up.
_SERVICE_PATIENCE = 30


class UploadError(RuntimeError):
    """The upload is not complete; the message says what was and what was not sent."""


def prepare(options, schema, running=None):
    """What every task is told. Nothing is sent; the quota service is started.

    ``running`` names a service that several uploads of one driver share, as micro-batches do."""
    Encoder(schema, options)
    driver = Driver(options)
    plan = {"options": options, "closed": [], "rounds": {}, "begun_before": True, "service": None, "run": None}
    if not options.is_streaming_stage:
        plan.update(driver.begin())
    if options.quota == "service":
        plan["service"] = driver.serve(running or f"run-{secrets.token_hex(8)}")
    return plan


class Driver:
    """The state of uploads of one topic and stage on the driver's machine."""

    def __init__(self, options):
        self.options = options
        self.state_dir = os.path.abspath(
            options.state_dir
            or os.environ.get("BYTEAIR_STATE_DIR")
            or os.path.join(
                os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "byteair-sync"
            )
        )
        self.folder = os.path.join(self.state_dir, "spark")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        place = [options.topic, options.stage, *options.connection]
        place += [os.environ.get(name, "") for name in ("BYTEAIR_HOST", "BYTEAIR_REGION", "BYTEAIR_TENANT_ID", "BYTEAIR_APPLICATION_ID")]
        name = hashlib.sha256("\0".join(place).encode()).hexdigest()[:24]
        self.record = os.path.join(self.folder, f"{name}.json")

    def _command(self, *words):
        return [binary.find(self.options.binary), *words, "--state-dir", self.state_dir]

    @contextlib.contextmanager
    def _changing(self):
        """The record, written back when all went well; one process at a time."""
        with open(self.record + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = {"begun": [], "dates": {}}
            if os.path.exists(self.record):
                with open(self.record, encoding="utf-8") as text:
                    record = json.load(text)
            yield record
            with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False, encoding="utf-8") as out:
                json.dump(record, out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            os.replace(out.name, self.record)

    def done_dates(self):
        """The days that the ledger holds for done."""
        command = self._command("ledger", "list", "--json", "--topic", self.options.topic, "--stage", self.options.stage)
        status, out, err = binary.run(command)
        if status not in (0, 8):
            raise UploadError(f"the driver's ledger cannot be read (status {status}); nothing was sent.\n{err}")
        lines = [line for line in binary.json_lines(out) if line.get("type") == "date"]
        return sorted(line["date"] for line in lines if line["gate"].startswith("done"))

    def begin(self):
        """Takes note that the upload begins, before any task sends."""
        closed = self.done_dates()
        identity = self.options.identity
        with self._changing() as record:
            for day, known in record["dates"].items():
                if known.get("done") and day not in closed:
                    # It was reopened for a re-sync: under the old ids the platform would take nothing.
                    known.update(done=False, round=known["round"] + 1)
            begun_before = identity in record["begun"]
            if not begun_before:
                record["begun"].append(identity)
            rounds = {day: known["round"] for day, known in record["dates"].items()}
        return {"closed": closed, "rounds": rounds, "begun_before": begun_before}

    def serve(self, name):
        """Starts the quota service, or finds the one that runs under the name."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        run_file, told = os.path.join(folder, "run"), os.path.join(folder, "service.json")
        if os.path.exists(told):
            with open(told, encoding="utf-8") as text:
                service = json.load(text)
            if _answers(service["address"]):
                return service
        token, host = secrets.token_hex(16), self.options.quota_host or own_address()
        port_file = os.path.join(folder, f"port-{token[:8]}")
        with open(run_file, "w", encoding="utf-8"):
            pass
        command = self._command(
            "quota", "serve", "--listen", f"{_bracketed(_bound(host))}:0", "--port-file", port_file,
            *self.options.rate,
        )
        environment = dict(os.environ, BYTEAIR_QUOTA_TOKEN=token, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
        with open(os.path.join(folder, "service.log"), "ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "byteair_sync.keeper", str(driver_pid()), run_file, *command, *self.options.connection],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            )
        until = time.monotonic() + _SERVICE_PATIENCE
        while not os.path.exists(port_file):
            if keeper.poll() is not None or time.monotonic() > until:
                with open(log.name, encoding="utf-8", errors="replace") as text:
                    said = text.read()[-2000:]
                self.stop(name)
                raise UploadError(
                    f"the quota service did not start at {host}; nothing was sent. The executors have to reach the "
                    f"driver there: option quotaHost names another address.\n{said}"
                )
            time.sleep(0.05)
        with open(port_file, encoding="utf-8") as text:
            port = int(text.read())
        service = {"address": f"{_bracketed(host)}:{port}", "token": token, "name": name}
        with open(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(service, out)
        return service

    def stop(self, name):
        """Ends the service of the name; it notices within a second."""
        shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def commit(self, plan, results):
        """Checks that everything is in, and sends ``done`` for each day of it."""
        options = self.options
        try:
            total = Total(options, results)
            total.write_rejects()
            late = total.late(plan["closed"], self._known())
            problems = list(total.problems(plan["closed"]))
            if late or problems:
                raise UploadError("; ".join(late + problems) + "; no done was sent by this run")
            with self._changing() as record:
                for day, told in total.dates.items():
                    known = record["dates"].setdefault(day, {"round": 0, "done": False})
                    if day not in plan["closed"]:
                        known.update(rows=told["rows"], digest=told["digest"])
            return self._finish(plan, total)
        finally:
            if plan["service"]:
                self.stop(plan["service"]["name"])

    def _known(self):
        with self._changing() as record:
            return dict(record["dates"])

    def _finish(self, plan, total):
        """One ``done`` after the other; tells which were sent even when one of them fails."""
        sent, failed = [], []
        for day in sorted(set(total.dates) - set(plan["closed"])):
            try:
                self._done(day, total)
                sent.append(day)
                if self.options.done:
                    with self._changing() as record:
                        record["dates"][day]["done"] = True
            except UploadError as error:
                failed.append(str(error))
        if failed:
            out = f"done was sent for {', '.join(sent)}; " if sent and self.options.done else "no done was sent; "
            raise UploadError(out + "; ".join(failed))
        return sent

    def _done(self, day, total):
        """Registers the day in the driver's ledger and sends its ``done``."""
        options = self.options
        where = ["--topic", options.topic, "--stage", options.stage, "--date", day]
        seed = f"{options.identity}|driver|{day}"
        register = self._command("write", "-", "--input-id", "spark", "--format", "jsonl", "--end-mark", *where)
        register += ["--request-id-seed", seed, "--no-done", "--allow-empty", "--progress", "none"]
        status, _, err = binary.run(register + options.connection, stdin=b"\x04\n")
        if status != 0:
            raise UploadError(f"{day} could not be entered into the driver's ledger (status {status}): {err[-2000:]}")
        if not options.done:
            return
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="reports-") as reports:
            names = []
            for number, report in enumerate(total.dates[day]["reports"]):
                names.append(f"{number}.json")
                with open(os.path.join(reports, names[-1]), "w", encoding="utf-8") as out:
                    json.dump(report, out)
            required = ["--require-report", *names] if names else []
            command = self._command("done", *where, *required, *options.rate, *options.sending)
            status, _, err = binary.run(command + options.connection, cwd=reports)
        if status != 0:
            raise UploadError(
                f"every row of {day} is in, and its done was not accepted (status {status}); the same job again, or "
                f"'byteair-sync done --topic {options.topic} --stage {options.stage} --date {day} --state-dir "
                f"{self.state_dir}', sends it. {err[-2000:]}"
            )

    def abort(self, plan):
        """Says what of the upload went out before it failed; it cannot be taken back."""
        if plan["service"]:
            self.stop(plan["service"]["name"])
        if self.options.is_streaming_stage:
            return "the batch failed; what was uploaded of it stays, and the same batch again sends it under the same ids"
        sent = sorted(set(self.done_dates()) - set(plan["closed"]))
        if sent:
            return (
                f"the job failed AFTER done was sent for {', '.join(sent)}: those days are complete on the platform and "
                "take no more rows; the same job again does the rest"
            )
        return "the job failed and no done was sent; the same job again completes it under the same Request-Ids"


class Total:
    """What all tasks together came to."""

    def __init__(self, options, results):
        self.options, self.dates, self.rejects = options, {}, []
        if any(result is None for result in results):
            raise UploadError("not every partition was uploaded; no done was sent")
        partitions = [result["partition"] for result in results]
        if len(set(partitions)) != len(partitions):
            raise UploadError("one partition is reported twice; no done was sent")
        ids = [one for result in results for one in result["request_ids"]]
        if len(set(ids)) != len(ids):
            raise UploadError("two partitions sent under one Request-Id; no done was sent")
        for result in results:
            self.rejects += result["rejects"]
            for day, told in result["dates"].items():
                self._add(day, told)
        for reject in self.rejects:
            if reject["date"]:
                # A day of which every row is rejected is a day of the job all the same.
                self._add(reject["date"], {"rows": 0, "digest": 0})

    def _add(self, day, told):
        empty = {"rows": 0, "digest": 0, "read": 0, "accepted": 0, "unconfirmed": 0, "rejected": 0, "reports": []}
        date = self.dates.setdefault(day, empty)
        date["rows"] += told["rows"]
        date["digest"] = (date["digest"] + told["digest"]) % (1 << 64)
        if "report" in told:
            for name in ("read", "accepted", "unconfirmed", "rejected"):
                date[name] += told[name]
            date["reports"].append(told["report"])

    def problems(self, closed):
        """What keeps ``done`` back."""
        if self.options.date and self.options.date not in self.dates:
            if self.options.allow_empty:
                self._add(self.options.date, {"rows": 0, "digest": 0})
            else:
                yield f"there is no row for {self.options.date}, and allowEmpty was not given"
        astray = sum(1 for reject in self.rejects if not reject["date"])
        if astray and not self.dates:
            yield f"{astray} rows without a day are rejected, and there is no other"
        for day, date in self.dates.items():
            if day in closed:
                continue
            if date["read"] != date["rows"] or date["read"] != date["accepted"] + date["unconfirmed"] + date["rejected"]:
                yield f"{day}: {date['rows']} rows were given to the tasks, and {date['read']} are accounted for"
            yield from self._beyond_budget(day, date, astray)
            if self.options.hold_unconfirmed and date["unconfirmed"]:
                yield f"{day}: {date['unconfirmed']} rows are accepted and not confirmed (unconfirmed=hold)"

    def _beyond_budget(self, day, date, astray):
        # A row without a day could be of any.
        rejected = sum(1 for reject in self.rejects if reject["date"] == day) + astray
        limit, is_share = self.options.max_errors
        rows = date["rows"] + rejected - date["rejected"]
        allowed = rows * limit / 100 if is_share else limit
        stored = date["accepted"] + date["unconfirmed"]
        if rejected > allowed or (rejected and not stored):
            first = next(reject for reject in self.rejects if reject["date"] in (day, None))
            yield (
                f"{day}: {rejected} of {rows} rows were rejected, more than maxErrors allows; the first: "
                f"{first['code']}, {first['message']}" + (f" (column {first['column']})" if first["column"] else "")
            )

    def late(self, closed, known):
        """Days that are done and were given other rows than they were done with."""
        late = []
        for day in sorted(set(self.dates) & set(closed)):
            before, now = known.get(day, {}), self.dates[day]
            if "digest" not in before:
                late.append(f"{day} was done before by another upload and takes no more rows (late_input)")
            elif (before["rows"], before["digest"]) != (now["rows"], now["digest"]):
                late.append(
                    f"{day} is done with {before['rows']} rows and this job has {now['rows']} other ones for it, of which "
                    "none was sent (late_input); re-sync the day in the platform's console, then 'byteair-sync ledger "
                    "reopen', then this job again"
                )
        return late

    def write_rejects(self):
        """Puts the rejected rows where ``rejectsPath`` says, one file for the job."""
        path = self.options.rejects_path
        if not path or not self.rejects:
            return
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "rejects.jsonl"), "w", encoding="utf-8", errors="backslashreplace") as out:
            for reject in self.rejects:
                out.write(json.dumps(reject, ensure_ascii=False) + "\n")


def own_address():
    """The address of this machine that other machines reach."""
    configured = os.environ.get("SPARK_LOCAL_IP")
    if configured:
        return configured
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the system only says which way it would go.
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def driver_pid():
    """The process of the Spark driver: the nearest Java above this one, or the parent."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as text:
                name, _, rest = text.read().partition("(")[2].rpartition(")")
        except OSError:
            break
        if name == "java":
            return pid
        pid = int(rest.split()[1])
    return os.getppid()


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
        return True
    except OSError:
        return False


def _bound(host):
    """The address to listen on: a name may stand for this machine elsewhere and for loopback here."""
    try:
        ipaddress.ip_address(host.strip("[]"))
        return host
    except ValueError:
        return "127.0.0.1" if host == "localhost" else "0.0.0.0"


def _bracketed(host):
    return f"[{host}]" if ":" in host else host
