"""Traces kept near: what became of the last requests, without any backend."""
