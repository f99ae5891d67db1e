"""A Ray of two machines on this one: ``python -m tests.ray_cluster``; a process for tests to give orders to.

Tells as a line of JSON its address and the process ids of its two nodes, the head first. Then each line that it
reads is an order: ``kill`` ends the second node as a power cut would, ``add`` starts another. It answers each with
the ids that there are then. ``end`` ends the whole cluster so, and this process. At the end of its input all ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

_NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
_HEAD = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
"""Nobody looks at the cluster, its logs are not gathered, and no machine is to be added by itself."""
_NOTICED = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}
"""A dead node is noticed within seconds; Ray's own settings take more."""


def started() -> tuple[Any, Any]:
    """The cluster and its second node. A busy machine gets several tries: Ray gives it 30 seconds."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    for left in reversed(range(3)):
        cluster = Cluster()
        try:
            cluster.add_node(**_NODE, **_HEAD, _system_config=_NOTICED)
            return cluster, cluster.add_node(**_NODE)
        except Exception:  # Ray raises plain ones
            cluster.shutdown()
            if not left:
                raise
    raise AssertionError("the loop returns or raises")


def added(cluster: Any) -> Any:
    """Another node, with the same patience."""
    for left in reversed(range(3)):
        there = set(cluster.worker_nodes)
        try:
            return cluster.add_node(**_NODE)
        except Exception:  # as above
            for half in set(cluster.worker_nodes) - there:
                cluster.remove_node(half, allow_graceful=False)
            if not left:
                raise
    raise AssertionError("the loop returns or raises")


def main() -> None:
    """See above."""
    cluster, node = started()

    def told() -> None:
        nodes = [cluster.head_node, *cluster.worker_nodes]
        pids = [n.all_processes["raylet"][0].process.pid for n in nodes]
        print(json.dumps({"address": cluster.address, "raylets": pids}), flush=True)  # noqa: T201

    told()
    for order in sys.stdin:
        if order.strip() == "kill":
            cluster.remove_node(node, allow_graceful=False)
        elif order.strip() == "end":
            for one in (cluster.head_node, *cluster.worker_nodes):
                for process in (p.process for started in one.all_processes.values() for p in started):
                    os.kill(process.pid, signal.SIGKILL)
            os._exit(0)  # there is nothing left to shut down in an orderly way
        else:
            node = added(cluster)
        told()
    cluster.shutdown()


if __name__ == "__main__":
    main()
