"""Where the rooms are wired together: the one layer that the command line and the Python API share."""

from preceptor.project.project import Project

__all__ = ["Project"]
