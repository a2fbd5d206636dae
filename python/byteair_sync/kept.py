"""The rejected rows of earlier runs of an upload, kept on the driver.

The platform says only once which rows of a batch it rejects: asked again under the same Request-Id it
answers that it has the batch (409). So what it said is kept in the driver's state directory, and counts
again in every run to which the batch is answered like that.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile

#: Stands for a batch of which the platform rejected rows without saying which.
UNDETERMINED = "undetermined"


class KeptRejects:
    """The rejected rows of one upload, by its ``uploadId``; each with its day and its Request-Id."""

    def __init__(self, folder, upload):
        name = hashlib.sha256(upload.encode()).hexdigest()[:24]
        self.folder = os.path.join(folder, "rejects")
        self.path = os.path.join(self.folder, f"{name}.jsonl")

    def read(self):
        """What is kept."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def ids(self):
        """The Request-Ids of batches that had rejected rows."""
        return {reject["request_id"] for reject in self.read() if reject["request_id"]}

    def keep(self, rejects):
        """Adds what a run was told. Rows that are rejected before they are sent are found by each run anew."""
        if not rejects:
            return
        told = {reject["request_id"] for reject in rejects}
        with self._alone():
            earlier = [reject for reject in self.read() if reject["request_id"] and reject["request_id"] not in told]
            with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False, encoding="utf-8") as out:
                # Escaped, so that a text which is not valid Unicode comes back as it was.
                out.writelines(json.dumps(reject) + "\n" for reject in earlier + rejects)
                out.flush()
                os.fsync(out.fileno())
            os.replace(out.name, self.path)

    @contextlib.contextmanager
    def _alone(self):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with open(self.path + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
