"""The process that has runs trained on a cluster, with a cluster of one place that is none."""

import os
import threading

from tiny import tiny
from waiting import wait_for

from vit_lab.runs.executors import cluster_main
from vit_lab.runs.executors.cluster import ENDED_BY_RAY, LOST, ClusterProcess
from vit_lab.runs.executors.cluster_main import Crew
from vit_lab.runs.executors.messages import Ended
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status


class OnePlace:
    """Trains a run at once."""

    problem = ""

    def places(self):
        return 1

    def train(self, config, checkpoint, wishes, before, snapshots):
        yield Ended(Status.FINISHED)


def test_the_next_run_begins_as_soon_as_there_is_a_place(store, monkeypatch):
    monkeypatch.setattr(cluster_main, "LOOK_SECONDS", 600.0)
    ids = store.add([NewRun(tiny(seed=seed), "n", "e") for seed in range(5)])
    crew = Crew(store, store.presence.name, OnePlace(), lambda line: None)
    working = threading.Thread(target=crew.work)
    working.start()
    try:
        wait_for(lambda: all(run.status == Status.FINISHED for run in store.runs(ids)), 20)
    finally:
        crew.end()
        working.join(20)
    assert not working.is_alive()


def ends(code):
    """Stands for the process: says its name, and ends."""
    os.write(1, b"named\n")
    os._exit(int(code))


class Ends(ClusterProcess):
    main = f"{__name__}:ends"


def test_where_ray_ends_the_process_the_cluster_is_said_to_be_lost():
    for code, problem in ((ENDED_BY_RAY, LOST), (70, ""), (0, "")):
        process = Ends(str(code))
        wait_for(lambda: process.how_it_ended is not None, 60)  # noqa: B023 - of this round
        assert process.name == "named" and process.problem == problem
