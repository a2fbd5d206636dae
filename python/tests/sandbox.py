"""The built-in server of the program, for tests."""

import json
import os
import subprocess
import tempfile
import time
import urllib.request

BINARY = os.environ["BYTEAIR_SYNC_BINARY"]


class Sandbox:
    """A server of its own, with faults."""

    def __init__(self, *options, listen="127.0.0.1:0"):
        self.folder = tempfile.mkdtemp()
        port_file = os.path.join(self.folder, "port")
        self.process = subprocess.Popen(
            [BINARY, "sandbox", "--listen", listen, "--port-file", port_file, *options],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not os.path.exists(port_file):
            assert time.monotonic() < until and self.process.poll() is None, "the sandbox does not start"
            time.sleep(0.05)
        with open(port_file, encoding="utf-8") as text:
            self.host = f"127.0.0.1:{int(text.read())}"

    def close(self):
        self.process.kill()
        self.process.wait()

    def ask(self, path):
        with urllib.request.urlopen(f"http://{self.host}{path}", timeout=60) as reply:
            return reply.read().decode()

    def reset(self):
        """As a re-sync in the console: whatever it had is gone."""
        urllib.request.urlopen(urllib.request.Request(f"http://{self.host}/sandbox/reset", data=b""), timeout=60).close()

    def state(self):
        return json.loads(self.ask("/sandbox/state"))

    def dates(self, topic="item"):
        """By day: rows and how often ``done`` was accepted."""
        parts = [part for part in self.state()["partitions"] if part["topic"] == topic]
        return {part["date"]: (part["rows"], part["done_requests"], part["state"]) for part in parts}

    def rows(self, day=None, topic="item", stage="history_sync"):
        query = f"?topic={topic}&stage={stage}" + (f"&date={day}" if day else "")
        return [json.loads(line) for line in self.ask(f"/sandbox/rows{query}").splitlines()]

    def options(self, folder, **more):
        """What every upload of a test has in common."""
        return dict(
            {
                "topic": "item", "stage": "history_sync", "host": self.host, "scheme": "http", "tenantId": "1",
                "applicationId": "1", "stateDir": os.path.join(folder, "state"), "quotaHost": "127.0.0.1",
            },
            **more,
        )
