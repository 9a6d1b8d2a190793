"""Attacks, each by what an attacker can really do."""
