"""Rows in an order of their own, with bounded memory.

Spark may hand the rows of a partition to a repeated task in another order; the batches of the repeated
task then have other rows and other Request-Ids. Sorted rows make the same batches again.
"""

import heapq
import os


class Sorter:
    """Collects ``(day, line)`` and gives them back sorted; what exceeds the memory goes to files."""

    def __init__(self, folder, memory):
        self.folder, self.memory = folder, memory
        self.held, self.size, self.files = [], 0, []

    def add(self, day, line):
        # A day holds no NUL and a line no line end, so that both come back as they were.
        entry = day.encode() + b"\0" + line
        self.held.append(entry)
        self.size += len(entry) + 64
        if self.size >= self.memory:
            self._spill()

    def _spill(self):
        self.held.sort()
        path = os.path.join(self.folder, f"sorted-{len(self.files)}")
        with open(path, "wb") as out:
            out.writelines(entry + b"\n" for entry in self.held)
        self.files.append(path)
        self.held, self.size = [], 0

    def __iter__(self):
        """All of it, once."""
        self.held.sort()
        runs = [self._read(path) for path in self.files]
        for entry in heapq.merge(self.held, *runs) if runs else self.held:
            day, _, line = entry.partition(b"\0")
            yield day.decode(), line

    @staticmethod
    def _read(path):
        with open(path, "rb") as lines:
            for line in lines:
                yield line[:-1]
