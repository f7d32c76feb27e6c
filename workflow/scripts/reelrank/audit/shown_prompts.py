"""Prompts, made again from what they were made of, and looked through for what must not be in them."""

import functools
import re

from reelrank.llm.item_texts import clean

#: Users of each list whose prompts are looked through, evenly spaced.
SAMPLED = 200

#: Shorter ids and comments stand in prompts by chance, as numbers of lines and common words.
TELLING_ID, TELLING_COMMENT = 4, 12

#: Characters of a comment that are looked for: prompts cut what is long, a comment that is one of several first.
LOOKED_FOR = 16

#: A whole number that was not cut.
_NUMBER = re.compile(rf"(?<![\w.])\d{{{TELLING_ID},}}(?![\w…])")


@functools.lru_cache(maxsize=100_000)
def needle(comment):
    """Return the beginning of a comment as a prompt would show it, or nothing where it tells nothing."""
    start = clean(comment, 400)[:LOOKED_FOR].strip()
    return start if len(start) >= TELLING_COMMENT else ""


def text_of(request):
    """Return all that a request says."""
    return "\n".join(content for _, content in request.messages)


def prompt_faults(text, allowed, user_id, item_ids, timestamp, held_out):
    """Return what a prompt holds that it must not hold.

    Parameters
    ----------
    text : str
        The prompt.
    allowed : sequence of str
        What may be shown: the titles and other fields of its items, their training
        comments, the prompt's own wording.
    user_id : str
    item_ids : collection of str
        Raw ids of all items.
    timestamp : int
        Of the held-out interaction, in milliseconds.
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
