"""Counterparts: responses that configured models write beside those of chat logs, so that people can compare."""
