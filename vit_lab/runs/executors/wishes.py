"""How somebody wants each run to end, kept where all machines of a cluster can ask: an actor beside the server."""

from vit_lab.runs.executors.messages import Ended


class WishesOfRuns:
    """Tasks ask it, for nobody can call a task. It may be started anew, and then knows nothing: wishes are repeated."""

    def __init__(self) -> None:
        self._of: dict[str, Ended] = {}

    def wish(self, run: str, ended: Ended) -> None:
        """This run should end so."""
        self._of[run] = ended

    def of(self, run: str) -> Ended | None:
        """How a run should end; None: it goes on."""
        return self._of.get(run)

    def forget(self, run: str) -> None:
        """This run has ended."""
        self._of.pop(run, None)
