"""Ratios of times, from interleaved runs with a control; `scripts/bench` runs it."""
