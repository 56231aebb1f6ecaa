"""What goes wrong with what is kept of a training. Without torch, so that whoever is told needs none."""


class CheckpointError(Exception):
    """A checkpoint cannot be read; the message is one sentence for a person."""
