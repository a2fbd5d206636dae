"""Where the program ``byteair-sync`` is, and running it for an answer."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig


class BinaryError(RuntimeError):
    """The program could not be run, or refused what it was asked."""


def find(option=None):
    """The path of the program: the option, ``$BYTEAIR_SYNC_BINARY``, this package and the
    environment of this Python (as a wheel or ``--archives`` brings it), then the PATH.

    What the variable names may be missing: Spark gives ``spark.executorEnv`` to the data source's Python on the
    driver too, where in client mode no archive is unpacked."""
    named = os.environ.get("BYTEAIR_SYNC_BINARY")
    if option or named:
        if os.access(option or named, os.X_OK):
            return os.path.abspath(option or named)
        if option:
            raise BinaryError(f"option binary: {option} is no program that can be run on {socket.gethostname()}")
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
    missing = f"; BYTEAIR_SYNC_BINARY names {named}, which is not there" if named else ""
    raise BinaryError(
        f"the program byteair-sync is not on {socket.gethostname()}{missing}. Install the package on every machine, the "
        "driver among them (in client mode --archives are not unpacked there), ship it with --archives, or name it with "
        "the option 'binary' or BYTEAIR_SYNC_BINARY"
    )


def run(command, stdin=b"", cwd=None):
    """Runs the program to its end; gives its exit status, its standard output and its messages."""
    done = subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def without_next(said):
    """Messages of a ``write`` of our own, without the command to type next: nobody could go on with that one."""
    return said.partition("\n  next  ")[0]


def json_lines(text):
    """The objects of ``--json``."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
