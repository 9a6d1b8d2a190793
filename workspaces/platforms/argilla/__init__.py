"""Argilla: its client, its forms, its sessions."""
