"""Histories written as sequences of titles: what the dataset's own language model learns and reads."""

#: Ends a title; a token of its own.
END = "\n"

#: Marks of tokenizers, and harmless letters instead: a title must not be able to end a text.
_HARMLESS = str.maketrans({"<": "‹", ">": "›"})


def plain_titles(titles):
    """Return titles as lines: one line each, without marks that a tokenizer takes for its own.

    Parameters
    ----------
    titles : sequence of str
        Empty where an item has none.
    """
    return [" ".join((title or "").translate(_HARMLESS).split()) for title in titles]


def history_text(items, titles):
    """Return the titles of items, oldest first, each with `END`; items without one are left out."""
    return "".join(titles[item] + END for item in items if titles[item])


def latest_items(histories, length):
    """Return the latest `length` items of each user, oldest first, as a list of lists.

    Parameters
    ----------
    histories : reelrank.data.interactions.Histories
    length : int
    """
    return [[int(item) for item in row if item < histories.n_items] for row in histories.last(length)]
