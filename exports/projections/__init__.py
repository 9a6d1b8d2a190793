"""Projections, one module each: what an export turns answers into. They are found by themselves."""
