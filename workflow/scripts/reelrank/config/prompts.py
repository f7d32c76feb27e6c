"""Prompts as YAML files with named slots. This module checks them; `reelrank.llm.rendering` fills them in."""

import re
from dataclasses import dataclass

from reelrank.errors import InputError, suggest

#: Labels of candidates; a prompt shows at most this many.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Slots of the messages. `earlier` is the history without its latest item.
SLOTS = ("history", "earlier", "latest", "candidates", "n", "labels", "answer")

_HISTORY = ("history", "earlier", "latest")
_IN_ANSWERS = (*_HISTORY, "n", "labels")

#: Allowed and required slots of each text. Only the last message may hold the candidates.
_TEMPLATES = {
    "system": (tuple(slot for slot in SLOTS if slot != "candidates"), ()),
    "user": (SLOTS, ("answer",)),
    "history_line": (("number", "item"), ("item",)),
    "candidate_line": (("label", "item"), ("label", "item")),
}


@dataclass(frozen=True)
class Prompt:
    """The texts of a prompt (see ``config/schemas/prompts.schema.yaml``)."""

    system: str
    user: str
    history_line: str
    candidate_line: str
    answers: dict


def build_prompt(name, block):
    """Check the slots of a prompt's definition and return it.

    Raises
    ------
    InputError
        For an unknown or missing slot, or if the prompt does not end with the candidates.
    """
    where = f"config/prompts/{name}.yaml"
    templates = {key: (block.get(key) or "", known, needed) for key, (known, needed) in _TEMPLATES.items()}
    templates |= {f"answers.{own}": (text, _IN_ANSWERS, ()) for own, text in block["answers"].items()}
    for key, (text, known, needed) in templates.items():
        slots = re.findall(r"\{(\w+)\}", text)
        for slot in slots:
            if slot not in known:
                raise InputError(f"{where}: {key}: unknown slot {{{slot}}}; {suggest(slot, known)}")
        for slot in needed:
            if slot not in slots:
                raise InputError(f"{where}: {key}: the slot {{{slot}}} is missing; expected it")
    user = block["user"].rstrip()
    if not user.endswith("{candidates}") or user.count("{candidates}") != 1:
        raise InputError(
            f"{where}: user: expected {{candidates}} once, at the very end, so that prompts share the text before it"
        )
    return Prompt(
        (block.get("system") or "").rstrip(),
        user,
        block["history_line"],
        block["candidate_line"],
        block["answers"],
    )
