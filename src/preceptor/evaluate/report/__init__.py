"""An evaluation as one file to read and to keep: HTML that needs nothing else, and the same as Markdown."""

from preceptor.evaluate.report.content import Beside, Report, report_json
from preceptor.evaluate.report.page import page
from preceptor.evaluate.report.text import text

__all__ = ["Beside", "Report", "page", "report_json", "text"]
