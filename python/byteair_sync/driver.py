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
from .errors import DoneUnknown, UploadError
from .kept import KeptRejects
from .total import Total

#: How long the quota service may take to come up.
_SERVICE_PATIENCE = 30


def tell(text):
    """Says something in the driver's log."""
    print(f"byteair: {text}", file=sys.stderr, flush=True)


def prepare(options, schema, running=None):
    """What every task is told. Nothing is sent; the quota service is started.

    ``running`` names a service that several uploads of one driver share, as micro-batches do."""
    Encoder(schema, options)
    driver = Driver(options)
    plan = {"options": options, "closed": [], "asked": [], "rounds": {}, "begun_before": True, "service": None}
    plan.update(rejected=driver.kept.ids(), shares_service=running is not None)
    if not options.is_streaming_stage:
        plan.update(driver.begin())
    if options.quota == "service":
        plan["service"] = driver.serve(running or f"run-{secrets.token_hex(8)}")
    return plan


class Driver:
    """The state of uploads of one topic and stage on the driver's machine."""

    def __init__(self, options):
        self.options = options
        self.state_dir = os.path.abspath(options.state_dir)
        self.folder = os.path.join(self.state_dir, "spark")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        place = [options.topic, options.stage, *options.connection]
        place += [os.environ.get(name, "") for name in ("BYTEAIR_HOST", "BYTEAIR_REGION", "BYTEAIR_TENANT_ID", "BYTEAIR_APPLICATION_ID")]
        place += options.profile
        name = hashlib.sha256("\0".join(place).encode()).hexdigest()[:24]
        self.record = os.path.join(self.folder, f"{name}.json")
        self.kept = KeptRejects(self.folder, f"{name} {options.identity}")

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

    def gates(self):
        """How the days stand in the ledger: ``done``, or ``sealed`` when nobody knows whether ``done`` got through."""
        command = self._command("ledger", "list", "--json", "--topic", self.options.topic, "--stage", self.options.stage)
        status, out, err = binary.run(command)
        if status not in (0, 8):
            raise UploadError(f"the driver's ledger cannot be read (status {status}); nothing was sent.\n{err}")
        lines = [line for line in binary.json_lines(out) if line.get("type") == "date"]
        return {line["date"]: "done" if line["gate"].startswith("done") else line["gate"] for line in lines}

    def begin(self):
        """Takes note that the upload begins, before any task sends."""
        gates = self.gates()
        # A day that may be done takes no rows either; its done is asked for again.
        asked = _days(gates, "sealed")
        closed = _days(gates, "done") + asked
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
        return {"closed": closed, "asked": asked, "rounds": rounds, "begun_before": begun_before}

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
        """Checks that everything is in, and sends ``done`` for each day of it; gives what it came to."""
        try:
            total = Total(self.options, results, self.kept.read())
            total.write_rejects()
            if not self.options.is_streaming_stage:
                self.kept.keep(total.told_now)
            held = self._judge(plan, total)
            for remark in total.remarks(set(total.dates) - set(plan["closed"]) - set(held)):
                tell(remark)
            if not self.options.is_streaming_stage:
                self._finish(plan, total, held)
            return total
        finally:
            self._end(plan)

    def _judge(self, plan, total):
        """Fails when something keeps every ``done`` back; takes note of what is in each day otherwise.

        Gives the days that are held back for something of their own, with that; it is nothing to the others."""
        problems = list(total.problems())
        held = total.problems_of_days(plan["closed"]) if not total.failed else {}
        if self.options.is_streaming_stage:
            problems += sum(held.values(), [])
            if problems:
                # Nothing ends a stream, so only what has to be decided is kept.
                self.kept.keep(total.told_now)
                raise UploadError("; ".join(problems) + self._ways_out(total))
            return {}
        held.update(total.late(plan, self._known()))
        if problems:
            problems += sum(held.values(), [])
            raise UploadError("; ".join(problems) + f"; no done was sent by this run{self._ways_out(total)}")
        with self._changing() as record:
            for day in set(total.dates) - set(held):
                known = record["dates"].setdefault(day, {"round": 0, "done": False})
                if day not in plan["closed"]:
                    known.update(rows=total.dates[day]["rows"], digest=total.dates[day]["digest"])
        return held

    def _ways_out(self, total):
        if not total.is_beyond_budget:
            return ""
        ending = "it goes through" if self.options.is_streaming_stage else "done is sent"
        return (
            f". The rejected rows lie in {self.kept.path} on the driver. The same job again with a maxErrors that covers them "
            f"accepts their loss, and {ending}; until then it ends like this. To send them corrected, write the corrected "
            "rows alone, under another uploadId"
        )

    def _end(self, plan):
        """Micro-batches have one quota service, which ends with the driver; every other upload has its own."""
        if plan["service"] and not plan["shares_service"]:
            self.stop(plan["service"]["name"])

    def _known(self):
        with self._changing() as record:
            return dict(record["dates"])

    def _finish(self, plan, total, held):
        """One ``done`` after the other; tells which were sent even when one of them fails or is held back."""
        unknown, failed = [], []
        asked = set(total.dates) & set(plan["asked"])
        for day in sorted((set(total.dates) - set(plan["closed"]) | asked) - set(held)):
            try:
                if day not in asked:
                    self._enter(day)
                if not self.options.done:
                    continue
                self._done(day, total)
                total.sent.append(day)
                with self._changing() as record:
                    record["dates"][day]["done"] = True
            except DoneUnknown as error:
                unknown.append(str(error))
            except UploadError as error:
                failed.append(str(error))
        if held:
            failed += sum((held[day] for day in sorted(held)), [])
            failed[-1] += f"; no done was sent by this run for {', '.join(sorted(held))}{self._ways_out(total)}"
        if unknown or failed:
            out = f"done was sent for {', '.join(total.sent)}; " if total.sent else "" if unknown or held else "no done was sent; "
            raise (DoneUnknown if unknown else UploadError)(out + "; ".join(unknown + failed))

    def _where(self, day):
        return ["--topic", self.options.topic, "--stage", self.options.stage, "--date", day]

    def _enter(self, day):
        """Registers the day in the driver's ledger."""
        seed = f"{self.options.identity}|driver|{day}"
        register = self._command("write", "-", "--input-id", "spark", "--format", "jsonl", "--end-mark", *self._where(day))
        register += ["--request-id-seed", seed, "--no-done", "--allow-empty", "--progress", "none"]
        status, _, err = binary.run(register + self.options.connection, stdin=b"\x04\n")
        if status != 0:
            raise UploadError(f"{day} could not be entered into the driver's ledger (status {status}): {err[-2000:]}")

    def _done(self, day, total):
        """Sends ``done`` for a day that is in the ledger."""
        options = self.options
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="reports-") as reports:
            names = []
            for number, report in enumerate(total.dates[day]["reports"]):
                names.append(f"{number}.json")
                with open(os.path.join(reports, names[-1]), "w", encoding="utf-8") as out:
                    json.dump(report, out)
            required = ["--require-report", *names] if names else []
            command = self._command("done", *self._where(day), *required, *options.rate, *options.sending)
            status, _, err = binary.run(command + options.connection, cwd=reports)
        if status == 0:
            return
        again = f"'byteair-sync done {' '.join(self._where(day))} --state-dir {self.state_dir}'"
        if self.gates().get(day) == "sealed":
            raise DoneUnknown(
                f"every row of {day} is in and its done was sent, but nobody knows whether it got through (status {status}); "
                f"the same job again, or {again}, asks under the same Request-Id. {err[-2000:]}"
            )
        raise UploadError(
            f"every row of {day} is in, and its done was not accepted (status {status}); the same job again, or {again}, "
            f"sends it. {err[-2000:]}"
        )

    def abort(self, plan, results=()):
        """Says what of the upload went out before it failed; it cannot be taken back.

        What its tasks were told of rejected rows is kept: the platform does not say it again."""
        told = [result["rejects"] + result["undetermined"] + result["found"] for result in results if result is not None]
        self.kept.keep(sum(told, []))
        self._end(plan)
        if self.options.is_streaming_stage:
            return "the batch failed; what was uploaded of it stays, and the same batch again sends it under the same ids"
        gates, told = self.gates(), []
        sent, unknown = sorted(set(_days(gates, "done")) - set(plan["closed"])), _days(gates, "sealed")
        if sent:
            told.append(
                f"AFTER done was sent for {', '.join(sent)}: those days are complete on the platform and take no more rows"
            )
        if unknown:
            told.append(
                f"and done for {', '.join(unknown)} was sent, but nobody knows whether it got through: the same job again asks "
                "under the same Request-Id, and does what else is left"
            )
        if told:
            return f"the job failed {'; '.join(told)}" + ("" if unknown else ". Once its cause is mended, the same job again does the rest")
        return (
            "the job failed and no done was sent; once its cause is mended, the same job again completes it under the same "
            "Request-Ids"
        )


def _days(gates, state):
    return sorted(day for day, gate in gates.items() if gate == state)


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
    """The process of the Spark driver: the nearest Java above this one. Without one above, this process is the
    driver (``python job.py``, which has Java below it); its parent may end before it, or live on without it."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as text:
                name, _, rest = text.read().partition("(")[2].rpartition(")")
        except OSError:
            # No such files on this system, so nobody knows who is above the parent.
            return os.getppid()
        if name == "java":
            return pid
        pid = int(rest.split()[1])
    return os.getpid()


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
