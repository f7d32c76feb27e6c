"""What a prompt says of an item: its fields, within budgets, with nothing that could break the prompt."""

import unicodedata

from reelrank.data.tables import read_table
from reelrank.data.texts import latest_comments

#: Said of an item of which nothing is known.
UNKNOWN = "(untitled)"

#: Between the comments of an item.
SEPARATOR = " | "

#: Characters that quote, or that build chat templates' own marks (<|im_end|>, [INST]), and harmless ones instead.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", '"': "'", "“": "'", "”": "'"})

#: Joins emoji; the only formatting character that is kept.
_JOINER = "\u200d"


def clean(text, budget):
    """Return a text on one line, without control characters, quotes or marks, of at most `budget` characters.

    A title is data that anyone may have written: line ends would let it imitate
    labels or roles, and the marks of chat templates would let it speak as another.

    Parameters
    ----------
    text : str
    budget : int
        Characters; what is cut ends in an ellipsis.
    """
    text = unicodedata.normalize("NFC", text[: 16 * budget + 256])
    text = "".join(
        letter if letter == _JOINER or unicodedata.category(letter)[0] not in "CZ" else " " for letter in text
    )
    text = " ".join(text.translate(_HARMLESS).split())
    return text if len(text) <= budget else text[: budget - 1].rstrip() + "…"


def item_texts(columns, budgets):
    """Return what a prompt says of each item.

    Parameters
    ----------
    columns : dict of str to sequence of str
        Text of each field by item (None or empty where an item has none). A field may
        hold lists of texts (comments).
    budgets : dict of str to int
        Fields that are shown, in their order, and how many characters each may take.

    Returns
    -------
    list of str
        The title in quotes, then the other fields in brackets.
    """
    n_items = len(next(iter(columns.values())))
    return [_item_text({field: columns[field][item] for field in budgets}, budgets) for item in range(n_items)]


def _item_text(values, budgets):
    parts = {}
    for field, value in values.items():
        if isinstance(value, (list, tuple)):
            share = max(8, budgets[field] // max(1, len(value)))
            text = SEPARATOR.join(filter(None, (clean(entry, share) for entry in value)))[: budgets[field]]
        else:
            text = clean(value or "", budgets[field])
        if text:
            parts[field] = text
    title = parts.pop("title", None)
    others = "; ".join(f"{field}: {text}" for field, text in parts.items())
    named = f'"{title}"' if title else UNKNOWN
    if "title" not in budgets and others:
        return others
    return f"{named} ({others})" if others else named


def catalogue_texts(inputs, options, interactions):
    """Return what prompts say of each item.

    Parameters
    ----------
    inputs : dict of str to path
        ``catalogue``; ``comments`` and ``interactions``, and tables of contract ``texts`` (tags of images), where
        `options` show them.
    options : dict
        ``fields`` (budget by field); ``comments_per_item`` where comments are shown.
    interactions : reelrank.data.interactions.Interactions

    Returns
    -------
    list of str
        ``(n_items,)``.
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
