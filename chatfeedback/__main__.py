"""The ``chatfeedback`` command: reports every failure as one line, with a documented exit code."""

from __future__ import annotations

import os
import sys
import traceback

from chatfeedback.safe_text import safe
from workspaces.errors import WorkbenchError
from workspaces.files import keep_private

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with 0 (done), 2 (usage), 3 (configuration), 4 (unreachable), 5 (rows
    rejected) or 1 (anything else).
    """
    keep_private()
    from chatfeedback.cli import app

    debug = os.environ.get("CHATFEEDBACK_DEBUG") == "1"
    try:
        app(prog_name="chatfeedback")  # typer exits with 2 on a usage error
    except WorkbenchError as error:
        _trace(debug)
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; run the command again to go on", INTERRUPTED)
    except BrokenPipeError:
        # the reader is gone: discard the rest of the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _trace(debug)
        from chatfeedback.failures import foreseen

        known = foreseen(error)
        if known is not None:
            _fail(str(known), known.exit_code)
        message = " ".join(str(error).split())[:300]  # a bug
        _fail(f"unexpected {type(error).__name__}: {message} (CHATFEEDBACK_DEBUG=1 shows where)", 1)


def _trace(debug: bool) -> None:
    if debug:
        sys.stderr.write(safe(traceback.format_exc()))


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"chatfeedback: {safe(message)}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
