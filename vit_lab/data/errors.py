"""What goes wrong with data."""


class DatasetError(Exception):
    """A data set cannot be read or fetched; the message is one sentence for a person."""


class DownloadError(Exception):
    """A data set did not arrive whole; the message says why, and what of it is kept for the next time."""


def reason(error: BaseException) -> str:
    """What another library's error says, short enough to stand within a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
