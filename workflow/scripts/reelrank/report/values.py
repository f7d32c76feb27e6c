"""Numbers as text for readers, never as NaN."""

import math
import re

#: Text of a cell without a value; the page explains it once.
MISSING = "n/a"


def known(value):
    """Return whether `value` is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number(value, digits=4):
    """Return a value with a fixed number of digits, without a zero before the point, or `MISSING`."""
    if not known(value):
        return MISSING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("0.", ".", 1) if abs(value) < 1 and digits and text.lstrip("-").startswith("0.") else text


def count(value, digits=0):
    """Return a count with separated thousands, e.g. ``12,345``."""
    return f"{value:,.{digits}f}" if known(value) else MISSING


def signed(value, digits=4):
    """Return a value with its sign; a real minus sign keeps columns aligned."""
    if not known(value):
        return MISSING
    text = number(abs(value), digits)
    return text if float(text) == 0 else f"{'+' if value > 0 else '−'}{text}"


def percent(value, digits=1, sign=True):
    """Return a percentage, e.g. ``+17.9%``."""
    if not known(value):
        return MISSING
    text = f"{abs(value):.{digits}f}"
    mark = "" if float(text) == 0 or not sign else "+" if value > 0 else "−"
    return f"{mark if sign else '−' if value < 0 and float(text) else ''}{text}%"


def interval(low, high, digits=4):
    """Return ``[low, high]``, or an empty text if it is unknown."""
    if not (known(low) and known(high)):
        return ""
    return f"[{_plain(low, digits)}, {_plain(high, digits)}]"


def _plain(value, digits):
    text = number(abs(value), digits) if digits > 1 else f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


def p_value(value):
    """Return ``p < .001`` or ``p = .012``."""
    if not known(value):
        return "p not available"
    return "p < .001" if value < 0.001 else f"p = {short_p(value)}"


def short_p(value):
    """Return a p-value for a cell: ``< .001`` or ``.012``."""
    if not known(value):
        return MISSING
    return "< .001" if value < 0.001 else number(value, 3)


def with_interval(text, low, high, digits=4):
    """Return a printed value and its interval."""
    return f"{text} {interval(low, high, digits)}".strip()


def plain(text):
    """Return a text on one line that Markdown prints as it is, in a cell too."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;")


def words(names):
    """Return names as an enumeration for a sentence: ``a, b and c``."""
    names = list(map(str, names))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
