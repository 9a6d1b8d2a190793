"""Turns shared chat logs into tasks: readers, seed feedback, task kinds and the mix of tasks."""
