"""The registry: who is alive, and where."""
