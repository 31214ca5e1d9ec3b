"""Limits that hold for the whole mesh: who may spend how much of one, for how long."""
