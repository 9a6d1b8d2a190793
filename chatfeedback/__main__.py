"""The ``chatfeedback`` command: reports every failure as one line, with a documented exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chatfeedback import ending, interrupts
from workspaces import garbage

if __name__ in ("__main__", "__mp_main__") or os.path.basename(sys.argv[0]) == "chatfeedback":  # noqa: PTH119
    interrupts.leave_at_once()  # before anything that takes time to import
    if __name__ != "__mp_main__":
        ending.come_last()
    garbage.look_seldom()
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # to look for some takes longer than to use none

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run the command line and exit with 0 (done), 2 (usage), 3 (configuration), 4 (unreachable), 5 (rows
    rejected), 130 (interrupted) or 1 (anything else); SIGTERM and SIGHUP end it after the same clean-up.
    """
    from chatfeedback.safe_text import safe
    from workspaces.files import keep_private

    keep_private()
    from chatfeedback.cli import app

    code, message = 1, ""
    try:
        interrupts.unwind()
        code, message = _run(app)
        interrupts.ignore()
    except KeyboardInterrupt:
        interrupts.leave()
    if interrupts.were_raised():
        interrupts.leave()
    if message:
        sys.stderr.write(f"chatfeedback: {safe(message)}\n")
    if code:
        _as_json(code, message)
    ending.leave(code)


def _as_json(code: int, message: str) -> None:
    """Print a failure as an object, where JSON is asked for and the command printed none."""
    options = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    if "--json" not in options[1:]:
        return
    from chatfeedback.cli import output

    if not output.json_was_printed():
        with suppress(OSError):  # standard output may be what failed
            output.emit_json({"error": message, "exit_code": code})


def _run(app: typer.Typer) -> tuple[int, str]:
    """Run the command line; return the exit code and the line to print.

    Raises:
        KeyboardInterrupt: as it came.
    """
    from typer.main import get_command

    from workspaces.errors import WorkbenchError

    try:
        code = get_command(app).main(prog_name="chatfeedback", standalone_mode=False)
        return (code if isinstance(code, int) else 0), ""
    except WorkbenchError as error:
        _trace()
        return error.exit_code, str(error)
    except BrokenPipeError:
        # the reader is gone: discard the rest of the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1, ""
    except Exception as error:
        if (usage := _usage(error)) is not None:
            return usage
        _trace()
        from chatfeedback.failures import foreseen

        known = foreseen(error)
        if known is not None:
            return known.exit_code, str(known)
        message = " ".join(str(error).split())[:300]  # a bug
        return 1, f"unexpected {type(error).__name__}: {message} (CHATFEEDBACK_DEBUG=1 shows where)"


def _usage(error: Exception) -> tuple[int, str] | None:
    """Return what follows from a mistake in usage, once typer has shown it; None for any other error."""
    import typer
    from typer import rich_utils

    if isinstance(error, typer.Abort):
        return 1, "no answer was given: nothing was done"
    shown: Any = error
    if not hasattr(error, "format_message"):  # click's errors; typer has a copy of click, or imports it
        return None
    if "--json" in sys.argv[1:]:
        return int(shown.exit_code), " ".join(str(shown.format_message()).split())
    rich_utils.rich_format_error(shown)
    return int(shown.exit_code), ""


def _trace() -> None:
    if os.environ.get("CHATFEEDBACK_DEBUG") == "1":
        import traceback

        from chatfeedback.safe_text import safe

        sys.stderr.write(safe(traceback.format_exc()))


if __name__ == "__main__":
    main()
