"""The demo: the sample data, simulated annotators, and a run of all steps."""
