"""What counts as slow, for the traces that are kept."""

SLOW = 1.0
"""Seconds from which on a call or a trace is one that people look for."""
