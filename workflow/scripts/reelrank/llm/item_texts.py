"""The text of an item in a prompt: its fields, cut to budgets, without characters that could break the prompt."""

import unicodedata

from reelrank.data.tables import read_table
from reelrank.data.texts import latest_comments

#: Text of an item without any field.
UNKNOWN = "(untitled)"

#: Separates the comments of an item.
SEPARATOR = " | "

#: Replacements for quotes and for characters of chat-template marks (<|im_end|>, [INST]).
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", '"': "'", "“": "'", "”": "'"})

#: Joins emoji; all other formatting characters are removed.
_JOINER = "\u200d"


def clean(text, budget):
    """Return a text as one line of at most `budget` characters, without control characters, quotes or marks.

    Anyone may have written a title. With line ends it could imitate labels or roles, and with
    chat-template marks it could imitate another speaker.

    Parameters
    ----------
    text : str
    budget : int
        Maximum number of characters; a cut text ends in an ellipsis.
    """
    text = unicodedata.normalize("NFC", text[: 16 * budget + 256])
    text = "".join(
        letter if letter == _JOINER or unicodedata.category(letter)[0] not in "CZ" else " " for letter in text
    )
    text = " ".join(text.translate(_HARMLESS).split())
    return text if len(text) <= budget else text[: budget - 1].rstrip() + "…"


def item_texts(columns, budgets):
    """Return the prompt text of each item.

    Parameters
    ----------
    columns : dict of str to sequence of str
        Text of each field by item (None or empty if an item has none). A field may
        have lists of texts (comments).
    budgets : dict of str to int
        The fields to show, in order, and the maximum characters of each.

    Returns
    -------
    list of str
        Each text has the title in quotes, then the other fields in brackets.
    """
    n_items = len(next(iter(columns.values())))
    return [_item_text({field: columns[field][item] for field in budgets}, budgets) for item in range(n_items)]


def _item_text(values, budgets):
    shown = {}
    for field, value in values.items():
        if isinstance(value, (list, tuple)):
            share = max(8, budgets[field] // max(1, len(value)))
            text = SEPARATOR.join(filter(None, (clean(entry, share) for entry in value)))[: budgets[field]]
        else:
            text = clean(value or "", budgets[field])
        if text:
            shown[field] = text
    title = shown.pop("title", None)
    others = "; ".join(f"{field}: {text}" for field, text in shown.items())
    named = f'"{title}"' if title else UNKNOWN
    if "title" not in budgets and others:
        return others
    return f"{named} ({others})" if others else named


def catalogue_texts(inputs, options, interactions):
    """Return the prompt text of each item, read from the prepared tables.

    Parameters
    ----------
    inputs : dict of str to path
        ``catalogue``; if `options` show them, ``comments`` and ``interactions``, and tables with the contract
        ``texts`` (image tags).
    options : dict
        ``fields`` (budget by field), and ``comments_per_item`` if comments are shown.
    interactions : reelrank.data.interactions.Interactions

    Returns
    -------
    list of str
        ``(n_items,)`` texts.
    """
    catalogue = read_table(inputs["catalogue"], "items")
    columns = {}
    for field in options["fields"]:
        if field == "comments":
            comments = read_table(inputs["comments"], "comments")
            rows = read_table(inputs["interactions"], "interactions")
            columns[field] = latest_comments(
                comments, rows, interactions.codes, len(catalogue), options["comments_per_item"]
            )
        elif field in inputs:
            columns[field] = read_table(inputs[field], "texts")["text"].to_pylist()
        else:
            columns[field] = catalogue[field].to_pylist()
    return item_texts(columns, options["fields"])
