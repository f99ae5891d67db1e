"""The loop: scenario generation, teaching, consolidation, screening, stage by stage."""

from preceptor.learn.context import Context, Snapshot
from preceptor.learn.loop import Learned, learn
from preceptor.learn.plan import Planned, plan
from preceptor.learn.stage import StageReport

__all__ = ["Context", "Learned", "Planned", "Snapshot", "StageReport", "learn", "plan"]
