"""The web page where a person stands: their points, what waits for them, and what they gave.

One Starlette application (``app.application``) made of parts, each a module with its routes. See docs/web.md.
"""
