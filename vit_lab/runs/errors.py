"""What the runs floor refuses."""


class StoreError(Exception):
    """The store cannot do what was asked, or a limit forbids it; the message is one sentence for a person."""


class StoreBusyError(StoreError):
    """Another program holds the database; the same may work later."""


class ClusterError(StoreError):
    """The cluster that trains cannot be used; the message is one sentence for a person."""


class BundleError(StoreError):
    """A bundle cannot be written or taken in; the message is one sentence for a person."""
