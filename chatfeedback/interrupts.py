"""Ctrl-C, and the signals that end a service or a session: one line, whatever the process is doing at that moment.

After Ctrl-C the exit code is 130. Of SIGTERM (``kill``, systemd, Docker) and SIGHUP (a terminal that is closed) the
process dies once it has cleaned up, which systemd takes for a clean end.

Only the standard library is imported here, because an interrupt may come while everything else is being imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from _thread import interrupt_main, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

BY_SIGNAL = 128
"""What is added to the number of a signal for an exit code."""
DEADLY = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals that end a process, besides Ctrl-C."""
SOON_SECONDS = 0.01
LINE = "chatfeedback: interrupted; run the command again to go on\n"
_SHOW_CURSOR = "\x1b[?25h"

_raised = 0
"""The signal that was raised; 0: none."""
_handled: list[int] = []
"""The signals of this process that are ours: none of a program that imports us, such as a test runner."""


def leave_at_once() -> None:
    """From now on, end the process at once: nothing has begun that would have to be undone.

    In a worker process, which the terminal interrupts as well, do nothing: it ends with the process that started it.
    """
    workers = sys.modules.get("multiprocessing.process")  # the only part of it that a worker has for certain
    if workers is not None and workers.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(DEADLY, signal.SIG_DFL)}
    # else whoever started us wants no interrupts, as nohup does
    _handled.extend(number for number, handler in usual.items() if signal.getsignal(number) is handler)
    _handle(_leave)


def unwind() -> None:
    """From now on, raise ``KeyboardInterrupt``, so that locks are released and progress bars taken down."""
    if _handled:
        sys.unraisablehook = _raise_again
    _handle(_raise)


def were_raised() -> bool:
    """Return whether an interrupt was raised, whatever has become of it: a library may turn it into another error."""
    return _raised != 0


def ignore() -> None:
    """From now on, ignore Ctrl-C: the command has done what it does, and only ends. The others end what hangs there."""
    for number in _handled:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)


def leave(number: int = 0) -> None:
    """End the process without waiting for threads, which may hang in a request; servers and workers end with it.

    Args:
        number: the signal; 0: the one that was raised.
    """
    number = number or _raised or signal.SIGINT
    ignore()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    cursor = _SHOW_CURSOR if os.isatty(2) else ""
    with suppress(OSError):  # the terminal is gone
        os.write(2, f"{cursor}{LINE}".encode())
    if number in DEADLY:
        os.kill(os.getpid(), number)  # the first process of a container goes on
    os._exit(BY_SIGNAL + number)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _handled:
        signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    leave(number)


def _raise(number: int, frame: FrameType | None) -> None:
    global _raised
    _raised = number
    if (
        frame is not None and frame.f_code is _raise_again.__code__
    ):  # what is raised there is printed and lost
        start_new_thread(_interrupt_soon, (number,))
        return
    raise KeyboardInterrupt


def _interrupt_soon(number: int) -> None:
    time.sleep(SOON_SECONDS)
    interrupt_main(signal.Signals(number))


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Raise an interrupt once more that came where it could not be raised, as in a destructor."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        interrupt_main(signal.Signals(_raised or signal.SIGINT))
    else:
        sys.__unraisablehook__(unraisable)
