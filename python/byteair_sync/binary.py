"""Where the program ``byteair-sync`` is, and running it for an answer."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig


class BinaryError(RuntimeError):
    """The program could not be run, or refused what it was asked."""


def find(option=None):
    """The path of the program: the option, ``$BYTEAIR_SYNC_BINARY``, this package and the
    environment of this Python (as a wheel or ``--archives`` brings it), then the PATH."""
    named = option or os.environ.get("BYTEAIR_SYNC_BINARY")
    if named:
        if os.access(named, os.X_OK):
            return os.path.abspath(named)
        raise BinaryError(f"{named} is no program that can be run on this machine")
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (
        os.path.join(here, "bin"),
        sysconfig.get_path("scripts"),
        os.path.dirname(sys.executable),
    ):
        path = os.path.join(folder or "", "byteair-sync")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("byteair-sync")
    if found:
        return found
    raise BinaryError(
        "the program byteair-sync is not on this machine: install the package on every machine, ship it "
        "with --archives, or name it with the option 'binary' or BYTEAIR_SYNC_BINARY"
    )


def run(command, stdin=b"", cwd=None):
    """Runs the program to its end; gives its exit status, its standard output and its messages."""
    done = subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def json_lines(text):
    """The objects of ``--json``."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
