"""The quota service on the driver: starting it, and the address at which executors reach it."""

import ipaddress
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time

from .errors import UploadError

#: How long the quota service may take to come up.
_SERVICE_PATIENCE = 30


class QuotaService:
    """The services of uploads to one state directory, each by a name."""

    def __init__(self, options, ledger, folder):
        self.options, self.ledger, self.folder = options, ledger, folder

    def start(self, name):
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
        command = self.ledger.command(
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
