"""The ``chatfeedback`` command: runs it, and turns every failure into one line and a documented exit code."""

from __future__ import annotations

import os
import sys
import traceback

from workspaces.errors import WorkbenchError

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with 0 (done), 2 (usage), 3 (configuration), 4 (unreachable), 5 (rows
    rejected) or 1 (anything else).
    """
    from chatfeedback.cli import app

    debug = os.environ.get("CHATFEEDBACK_DEBUG") == "1"
    try:
        app(prog_name="chatfeedback")  # mistakes in usage end here, with 2
    except WorkbenchError as error:
        if debug:
            traceback.print_exc()
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; run the command again to go on", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader is gone; nothing to tell it
        sys.exit(1)
    except Exception as error:  # the last resort: a bug of ours
        if debug:
            traceback.print_exc()
        said = " ".join(str(error).split())[:300]
        _fail(f"unexpected {type(error).__name__}: {said} (CHATFEEDBACK_DEBUG=1 shows where)", 1)


def _fail(message: str, code: int) -> None:
    print(f"chatfeedback: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(code)


if __name__ == "__main__":
    main()
