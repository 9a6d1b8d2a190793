"""Requests to endpoints of OpenAI's protocols: the endpoint, its meter, chat, replies, errors, concurrent requests."""
