"""How quickly a long step goes, and how long it will take at that pace."""

from __future__ import annotations

from workspaces.grammar import counted


class Pace:
    """The pace of work on ``total`` things that began at ``begun``, in seconds of a clock that only goes on."""

    def __init__(self, total: int, begun: float) -> None:
        self._total = total
        self._begun = begun

    def line(self, done: int, now: float) -> str:
        """Return how many are done in a second, and how long the rest takes; empty while nothing can be said."""
        seconds = now - self._begun
        if done <= 0 or seconds <= 0:
            return ""
        left = max(self._total - done, 0) * seconds / done
        rest = f", about {_length(left)} left" if left else ""
        return f"{done:,} of {self._total:,}, {done / seconds:,.{0 if done >= 10 * seconds else 1}f} a second{rest}"


def _length(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return counted(minutes, "minute") if minutes < 90 else f"{minutes / 60:.1f} hours"
