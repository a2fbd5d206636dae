"""Keeps the quota service running beside a Spark driver, and not longer.

Spark makes and ends the Python processes of a data source as it likes, so the service can be the
child of none of them. It ends when the driver's process is gone or its run file is removed.
"""

import os
import subprocess
import sys
import time


def is_alive(pid):
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(pid, run_file, *command):
    """Runs the command until the process or the file is gone."""
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while is_alive(int(pid)) and os.path.exists(run_file) and program.poll() is None:
        time.sleep(0.5)
    # The service ends with its standard input.
    program.stdin.close()
    program.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
