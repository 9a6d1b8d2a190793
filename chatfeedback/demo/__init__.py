"""The demo: the sample, simulated annotators, and everything in one go."""
