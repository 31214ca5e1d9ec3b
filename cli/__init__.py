"""The command line: `plait <verb>`."""

from .app import main

__all__ = ["main"]
