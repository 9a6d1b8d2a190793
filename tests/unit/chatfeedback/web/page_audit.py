"""Looks at a page as a browser does: what in it would run, load, or lead elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser

RUNS = frozenset(
    {"script", "iframe", "object", "embed", "base", "applet", "svg", "math", "img", "style", "link"}
)
LOADS = frozenset({"src", "href", "action", "formaction", "data", "poster", "background", "xlink:href"})
OURS = ("/static/", "/", "#", "?")


def faults_of(page: str, hosts: tuple[str, ...] = ()) -> list[str]:
    """Return what in a page is not ours: elements that run or load, handlers, styles, addresses of another kind.

    Args:
        page: HTML.
        hosts: beginnings of addresses elsewhere that links may lead to.
    """
    looking = _Looking(hosts)
    looking.feed(page)
    looking.close()
    return looking.faults


class _Looking(HTMLParser):
    def __init__(self, hosts: tuple[str, ...]) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self._hosts = hosts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        address = given.get("src") or given.get("href") or ""
        is_file = tag in ("script", "link") and address.startswith("/static/")
        if tag in RUNS and not is_file and not self._is_chart(tag, given):
            self.faults.append(f"<{tag} {given}>")
        for name, value in given.items():
            if name.startswith(("on", "hx-on:")) or name in ("style", "srcdoc", "ping", "hx-on"):
                self.faults.append(f"{tag} {name}={value!r}")
            if name in LOADS and not self._is_ours(value):
                self.faults.append(f"{tag} {name}={value!r}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    @staticmethod
    def _is_chart(tag: str, given: dict[str, str]) -> bool:
        return tag == "svg" and "role" in given

    def _is_ours(self, address: str) -> bool:
        if address.startswith(self._hosts or "\0"):
            return True
        return address.startswith(OURS) and not address.startswith(("//", "/\\"))
