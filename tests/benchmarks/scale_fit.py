"""Fits."""


def report(rows, per_user):
    return "\n".join(map(str, rows))
