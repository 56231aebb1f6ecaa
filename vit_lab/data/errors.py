"""What goes wrong with data."""


class DatasetError(Exception):
    """A data set cannot be read or fetched; the message is one sentence for a person."""
