"""Whether the rows of a task came to their end or broke off.

When what makes the rows fails (another Python process, a lost shuffle file), Spark closes the pipe, and PySpark
takes that for the end: a task would upload half of its rows in batches that nobody repeats. Behind rows that
came to their end Spark sends one more number; that is looked for here.
"""

import sys


def are_cut_off():
    """Whether Spark has nothing more to say to this worker behind the rows that it was given."""
    pipe = _pipe()
    # Waits for the number or the end of the pipe; it stays for PySpark to read.
    return pipe is not None and pipe.peek(1) == b""


def _pipe():
    """What PySpark's worker reads from; nothing where this is no such worker."""
    frame = sys._getframe()
    while frame is not None:
        pipe = frame.f_locals.get("infile") if frame.f_code.co_name == "main" else None
        if hasattr(pipe, "peek"):
            return pipe
        frame = frame.f_back
    return None
