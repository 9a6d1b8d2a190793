"""Ctrl-C: one line and exit code 130, whatever the process is doing at that moment.

Only the standard library is imported here, because an interrupt may come while everything else is being imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from _thread import interrupt_main, start_new_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

EXIT_CODE = 130
SOON_SECONDS = 0.01
LINE = "chatfeedback: interrupted; run the command again to go on\n"
_SHOW_CURSOR = "\x1b[?25h"

_raised = False
_handled = False
"""Whether interrupts of this process are ours: not those of a program that imports us, such as a test runner."""


def leave_at_once() -> None:
    """From now on, end the process at once: nothing has begun that would have to be undone.

    In a worker process, which the terminal interrupts as well, do nothing: it ends with the process that started it.
    """
    global _handled
    workers = sys.modules.get("multiprocessing.process")  # the only part of it that a worker has for certain
    if workers is not None and workers.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    elif (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):  # else whoever started us wants no interrupts
        _handled = True
        signal.signal(signal.SIGINT, _leave)


def unwind() -> None:
    """From now on, raise ``KeyboardInterrupt``, so that locks are released and progress bars taken down."""
    if _handled:
        sys.unraisablehook = _raise_again
        signal.signal(signal.SIGINT, _raise)


def were_raised() -> bool:
    """Return whether an interrupt was raised, whatever has become of it: a library may turn it into another error."""
    return _raised


def ignore() -> None:
    """From now on, ignore interrupts: the command has done what it does, and only ends."""
    if _handled:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave() -> None:
    """End the process without waiting for threads, which may hang in a request; servers and workers end with it."""
    ignore()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    cursor = _SHOW_CURSOR if os.isatty(2) else ""
    os.write(2, f"{cursor}{LINE}".encode())
    os._exit(EXIT_CODE)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    leave()


def _raise(_signal: int, frame: FrameType | None) -> None:
    global _raised
    _raised = True
    if (
        frame is not None and frame.f_code is _raise_again.__code__
    ):  # what is raised there is printed and lost
        start_new_thread(_interrupt_soon, ())
        return
    raise KeyboardInterrupt


def _interrupt_soon() -> None:
    time.sleep(SOON_SECONDS)
    interrupt_main()


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Raise an interrupt once more that came where it could not be raised, as in a destructor."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        interrupt_main()
    else:
        sys.__unraisablehook__(unraisable)
