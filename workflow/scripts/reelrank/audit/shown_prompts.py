"""Search rebuilt prompts for contents that they must not hold."""

import functools
import re

from reelrank.llm.item_texts import clean

#: Users of each list whose prompts are checked, evenly spaced.
SAMPLED = 200

#: Shorter ids and comments occur in prompts by chance, as line numbers and common words.
TELLING_ID, TELLING_COMMENT = 4, 12

#: Characters of a comment that are searched for: prompts cut long texts, and each of several comments even shorter.
LOOKED_FOR = 16

#: A whole number that was not cut off.
_NUMBER = re.compile(rf"(?<![\w.])\d{{{TELLING_ID},}}(?![\w…])")


@functools.lru_cache(maxsize=100_000)
def needle(comment):
    """Return the start of a comment as a prompt would show it; empty if it is too short to identify the comment."""
    start = clean(comment, 400)[:LOOKED_FOR].strip()
    return start if len(start) >= TELLING_COMMENT else ""


def text_of(request):
    """Return all text of a request."""
    return "\n".join(content for _, content in request.messages)


def prompt_faults(text, allowed, user_id, item_ids, timestamp, held_out):
    """Return the forbidden contents of a prompt.

    Parameters
    ----------
    text : str
        The prompt.
    allowed : sequence of str
        Texts that the prompt may show: fields and training comments of its items, its own wording.
    user_id : str
    item_ids : collection of str
        Raw ids of all items.
    timestamp : int
        Time of the held-out interaction, in milliseconds.
    held_out : sequence of str
        Comments of held-out interactions on the shown items, and the user's own.
    """
    shown = "\n".join(allowed)
    faults = []
    if len(user_id) >= TELLING_ID and (mark := _whole(user_id)).search(text) and not mark.search(shown):
        faults.append("the raw id of the user")
    numbers = set(_NUMBER.findall(text)) - set(re.findall(r"\d+", shown))
    faults += [f"the raw id of item {number!r}" for number in sorted(numbers) if number in item_ids]
    seconds = str(abs(timestamp) // 1000)
    if len(seconds) >= 9 and seconds in text and seconds not in shown:
        faults.append("the timestamp of the held-out interaction")
    for comment in held_out:
        start = needle(comment)
        if start and start in text and start not in _cleaned(shown):
            faults.append(f"the held-out comment {start!r}")
            break
    return faults


@functools.lru_cache(maxsize=4)
def _cleaned(shown):
    return "\n".join(clean(line, len(line) + 1) for line in shown.split("\n"))


def _whole(word):
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
