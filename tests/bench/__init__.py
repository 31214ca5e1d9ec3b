"""Benchmarks: plait beside the fastest mesh without features that these parts allow, in one run."""
