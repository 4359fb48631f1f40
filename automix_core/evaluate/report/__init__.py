"""The report: what a router saves and what that costs in quality, as one page for people.

    outcomes, router -> measuring -> Study -> plots, page -> one HTML file, PNG files

A `Study` is all that is said, as plain numbers and words. It needs the extra `plot`.
"""

from automix_core.evaluate.report.files import Report, write_pictures, write_report
from automix_core.evaluate.report.measuring import study_of
from automix_core.evaluate.report.study import Study

__all__ = ["Report", "Study", "study_of", "write_pictures", "write_report"]
