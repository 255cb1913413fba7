"""Paired benchmarks: what Guesthouse takes against what the same takes by hand, in one run."""
