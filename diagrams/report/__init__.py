"""A report: a call as a page that opens from disk, with its charts lit, step by step."""

from .call_pages import CallPages, Sink
from .shell import policy, shell
from .writing import index_of, write_report

__all__ = ["CallPages", "Sink", "index_of", "policy", "shell", "write_report"]
