"""A cluster of Ray on this machine: its machines are processes, which can be killed, and others join."""

import socket
from contextlib import suppress

MEMORY = {"object_store_memory": 100 * 2**20}  # of a container's /dev/shm there is little


class LocalCluster:
    """A head that trains nothing, and the machines that do, each with one core; they are known by their names."""

    def __init__(self):
        self.port, self._nodes = free_port(), {}

    def begin(self):
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "node_name": "head", "gcs_server_port": self.port, **MEMORY}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = self.cluster.address

    def join(self, *names, **resources):
        for name in names:
            self._nodes[name] = self.cluster.add_node(
                node_name=name, wait=False, **{"num_cpus": 1} | MEMORY | resources
            )

    def kill(self, name):
        """All its processes at once."""
        self.cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def leave(self, name):
        """It says so before it goes."""
        self.cluster.remove_node(self._nodes.pop(name))

    @property
    def names(self):
        return list(self._nodes)

    def end(self):
        self._nodes = {}
        with suppress(Exception):  # half of it may be gone
            self.cluster.shutdown()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
