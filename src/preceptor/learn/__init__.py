"""The loop: the primer, then scenario generation, teaching, consolidation, screening, stage by stage."""

from preceptor.learn.context import Context, Snapshot
from preceptor.learn.loop import Learned, learn
from preceptor.learn.plan import Planned, plan
from preceptor.learn.primer import PrimerReport
from preceptor.learn.stage import StageReport

__all__ = ["Context", "Learned", "Planned", "PrimerReport", "Snapshot", "StageReport", "learn", "plan"]
