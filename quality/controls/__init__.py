"""Answers that can be checked: gold items, and items asked twice."""
