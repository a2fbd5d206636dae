"""What an upload ends with when it is not complete."""


class UploadError(RuntimeError):
    """The upload is not complete; the message says what was and what was not sent."""


class DoneUnknown(UploadError):
    """``done`` went out and nobody knows whether it got through."""
