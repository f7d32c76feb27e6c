"""Histories as sequences of titles, the input of the dataset's own language model."""

#: Ends a title; a separate token.
END = "\n"

#: Replacements for characters of tokenizer marks: a title must not be able to end a text.
_HARMLESS = str.maketrans({"<": "‹", ">": "›"})


def plain_titles(titles):
    """Return each title as one line, without special marks of tokenizers.

    Parameters
    ----------
    titles : sequence of str
        Empty for an item without a title.
    """
    return [" ".join((title or "").translate(_HARMLESS).split()) for title in titles]


def history_text(items, titles):
    """Return the titles of items, oldest first, each followed by `END`; items without a title are left out."""
    return "".join(titles[item] + END for item in items if titles[item])


def latest_items(histories, length):
    """Return the latest `length` items of each user, oldest first, as a list of lists.

    Parameters
    ----------
    histories : reelrank.data.interactions.Histories
    length : int
    """
    return [[int(item) for item in row if item < histories.n_items] for row in histories.last(length)]
