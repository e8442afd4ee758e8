"""The honest table of this project: ratios of times from interleaved runs with a control; `scripts/bench` runs it."""
