"""Chat logs for the browser tests, written to break a web page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.hostile_messages import CANARY, LOADED, MESSAGES

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ("obelisk-40b", "quagmire-7b")
GIVER = "giver-of-the-log"

SECRET = (*MODELS, GIVER, "heuristic-1", "hostile-plain", "hostile-markdown")
"""What no annotator may be told: who wrote a response, who gave the log, who rated it, which log it is."""

_PROMPT = (
    f"Why does my page break? <script>{CANARY} = 1</script> <img src=/{LOADED}-1 onerror='{CANARY} = 2'>\n"
    f"![pixel](https://tracker.example/{LOADED}-2.png) [click](javascript:{CANARY}=3)"
)
_ANSWERS = (
    (
        f"</script><h1>Free pizza</h1><script>{CANARY} = 4</script>\n\n\ttab   three  spaces &lt;b&gt; &amp; %3Cb%3E "
        f"{{{{constructor.constructor('{CANARY} = 5')()}}}} ${{{CANARY} = 6}} $worth ]]> </View>\n"
        f"<svg onload='{CANARY} = 7'><style>* {{ display: none }}</style><!-- <iframe srcdoc='x'>"
    ),
    (
        "\u202eright to left\u202c and \u2066isolated\u2069, zero\u200bwidth, \U0001f600 שלום عربي\n"
        f'# No heading\n* * *\n<a href="javascript:{CANARY}=8">no link</a> <b>not bold</b> **nor this**\n'
        f"<link rel=stylesheet href=/{LOADED}-3.css><video poster=/{LOADED}-4.png><base href='https://evil.example/'>"
    ),
    f"</details><script>{CANARY} = 15</script> <details open ontoggle='{CANARY} = 16'><summary>x</summary>",
)


_STEPS = (
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": f"First <img src=/{LOADED}-5 onerror='{CANARY} = 10'> I look. <b>Then</b> **more**.",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {
                    "name": "<script>search</script>",
                    "arguments": {
                        "query": f"</script><script>{CANARY} = 11</script> {{{{1+1}}}} <b onclick='{CANARY}=12'>x</b>",
                        f"<img src=/{LOADED}-6>": [
                            f"![pixel](https://tracker.example/{LOADED}-7.png)",
                            None,
                            1.5,
                        ],
                    },
                },
            }
        ],
    },
    {
        "role": "tool",
        "tool_call_id": "c1",
        # long enough to be folded where a platform folds
        "content": "\n".join(
            f"<h1>Found {number}</h1><svg onload='{CANARY} = 13'> ]]> &lt;i&gt; </summary></details>"
            for number in range(8)
        ),
    },
    {
        "role": "user",
        "content": f"And this? <iframe src=/{LOADED}-8></iframe>",
        "attachments": [{"name": f'"><script>{CANARY} = 14</script>.png', "contentType": "image/png"}],
    },
)
"""A call of a tool, its result and an attachment, as hostile as the texts."""


def write_chat_logs(path: Path, name: str) -> None:
    """Write conversations as ShareLM rows: three answers after all hostile messages.

    Conversations of another name open otherwise, so that no task compares answers of two names.
    """
    messages = [{"role": "user", "content": message} for message in (f"In {name}:", _PROMPT, *MESSAGES)]
    with path.open("w", encoding="utf-8") as file:
        for number, answer in enumerate(_ANSWERS):
            row = {
                "conversation_id": f"hostile-{name}-{number}",
                "conversation": [*messages, *_STEPS, {"role": "assistant", "content": answer}],
                "source": "e2e",
                "conversation_metadata": {
                    "title": f"<script>{CANARY} = 9</script>",
                    "language": "<b>English</b>",
                },
                "model_name": MODELS[number % 2],
                "user_id": GIVER,
            }
            file.write(json.dumps(row) + "\n")
