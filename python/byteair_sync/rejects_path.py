"""The rejected rows in the folder that ``rejectsPath`` names.

Each day of an upload has a file of its own there, and so has each micro-batch, so that no other day, upload or topic
takes its place; the same upload again does.
"""

import hashlib
import json
import os


def write_rejects(options, total):
    """Puts them there."""
    by_file = {}
    for reject in total.rejects:
        by_file.setdefault(_name(options, total, reject), []).append(reject)
    for name, rejects in by_file.items():
        _write(os.path.join(options.rejects_path, name), options.identity, rejects)


def _name(options, total, reject):
    if total.stream:
        return "-".join(["rejects", *total.stream]) + ".jsonl"
    # A row without a day lies with those of the first day of its job, which tells one night from the next.
    day = reject["date"] or min(total.dates, default="")
    upload = hashlib.sha256(f"{options.target}\0{options.identity}".encode()).hexdigest()[:8]
    return "-".join(word for word in ["rejects", day, options.topic, options.stage, upload] if word) + ".jsonl"


def _write(path, upload, rejects):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Nobody who reads all *.jsonl meets half a file.
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8", errors="backslashreplace") as out:
        for reject in rejects:
            out.write(json.dumps(dict(reject, upload=upload), ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(part, path)
