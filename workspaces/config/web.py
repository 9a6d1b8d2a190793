"""The web pages of the workspace (``chatfeedback web``)."""

from pydantic import HttpUrl

from workspaces.config.section import Section


class WebConfig(Section):
    """``address`` is where people reach their own page, as the guidelines name it; null: they do not name it.

    ``sharelm_plugin``: the page takes what ShareLM's browser plug-in posts, from anybody who has its address.
    """

    address: HttpUrl | None = None
    sharelm_plugin: bool = False
