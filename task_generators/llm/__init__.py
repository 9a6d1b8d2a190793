"""Requests to endpoints that speak the OpenAI protocol."""
