"""Lists of an outside recommender, as files and as dicts."""

from reelrank.data.tables import LIST_METADATA

USERS = ["7", "u,8", "ninth", "10", "é11"]
ITEMS = [str(100 + item) for item in range(9)]
ABOUT = {key: f"a {key}" for key in LIST_METADATA}


def as_csv_ranks(rows):
    """Return ranks in CSV, own ids."""
    lines = [
        f'"{USERS[user]}",{rank},{ITEMS[item]}' for user, row in rows.items() for rank, item in enumerate(row, start=1)
    ]
    return "user,rank,item\n" + "\n".join(lines) + "\n"


def as_text(rows):
    """Return the text format, own ids."""
    lines = [
        f"User {USERS[user]}: Top {max(1, len(row))} recommended items: [{', '.join(ITEMS[item] for item in row)}]"
        for user, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def listed(lists):
    """Return lists as a dict of user to items."""
    return {
        int(user): [int(item) for item in row if item >= 0] for user, row in zip(lists.users, lists.items, strict=True)
    }
