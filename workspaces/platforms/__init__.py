"""Labeling platforms behind one protocol; the only place where their SDKs are imported."""
