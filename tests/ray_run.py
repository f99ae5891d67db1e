"""Learns and evaluates on one Ray of its own: ``python -m tests.ray_run FOLDER``; a process for a test to watch."""

from __future__ import annotations

import os
import sys

from preceptor import Project


def main() -> None:
    """Both jobs, on the settings of the project."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # noqa: PLC0415

    for more in (True, False):
        try:
            ray.init(
                address="local",
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                object_store_memory=100 * 2**20,
                _node_ip_address="127.0.0.1",
            )
            break
        except Exception:  # it gives a busy machine 30 seconds, whatever one sets
            ray.shutdown()
            if not more:
                raise
    project = Project.open(sys.argv[1])
    project.learn()
    project.evaluate()


if __name__ == "__main__":
    main()
