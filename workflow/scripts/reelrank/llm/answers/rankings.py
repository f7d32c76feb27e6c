"""Parse a ranking of letters from any text: the result is an order and its faults.

Three formats are tried: JSON, one label per line, and a run of labels within a line. The
reading that finds the most labels is used. At a tie it is the later one in the text, since
models usually end with their answer.
"""

import json
import re
import unicodedata
from dataclasses import dataclass

#: Kinds of fault, most severe first; an answer is counted under its most severe fault.
FAULTS = (
    "empty",
    "refused",
    "truncated",
    "missing",
    "repeated",
    "unknown",
    "out_of_range",
    "unchanged_order",
    "prose_around",
    "none",
)

_REASONING = re.compile(r"<(think(?:ing)?|reasoning|analysis|scratchpad|reflection)>.*?</\1>", re.S | re.I)
_REASONING_END = re.compile(r"</(?:think(?:ing)?|reasoning|analysis|scratchpad|reflection)>", re.I)
_REASONING_START = re.compile(r"<(?:think(?:ing)?|reasoning|analysis|scratchpad|reflection)>.*", re.S | re.I)
_TAGS = re.compile(r"</?(?:answer|output|result|ranking|final)>", re.I)
_FENCE = re.compile(r"```[a-zA-Z]*")
_REFUSAL = re.compile(
    r"\b(?:i(?:'|’)?m sorry|i am sorry|sorry,|i apologi[sz]e|i can(?:no|'|’)t|i cannot|i am unable|i(?:'|’)?m unable|"
    r"i won(?:'|’)t|as an ai|i(?:'|’)?m not able|i am not able|lo siento|no puedo|je suis désolée?|je ne peux pas|"
    r"es tut mir leid|ich kann nicht)|抱歉|无法|申し訳",
    re.I,
)
_FINAL = re.compile(r"\b(?:final (?:answer|ranking|order|list)|(?:the|my) answer|answer)\b[^\n\w]*(?:is\b)?\W*", re.I)

_OPEN, _CLOSE = r"[\"'(\[«‘“]*", r"[\"')\]»’”]*"
_NUMBER = (
    r"(?:(?:rank|position|place|no\.?|#)?\s*\(?\d{1,3}(?:st|nd|rd|th)?\s*[.):、\-–—]*|"
    r"[一二三四五六七八九十]{1,3}[、.)])"
)
_NOUN = r"(?:candidate|item|option|video|movie|film|label|letter)?"
#: A line about one candidate: bullet, number, label, and perhaps its title.
_LINE = re.compile(
    rf"^\s*(?:[-•·–—>+]\s*)?(?P<number>{_NUMBER})?\s*{_NOUN}\s*{_OPEN}(?P<label>[A-Za-z]){_CLOSE}"
    r"(?:\s*$|\s*[.:)=]|\s+[-–—]+\s|\s+[\"'“«(])",
    re.I,
)
_NUMBERED = re.compile(rf"^\s*(?:[-•·]\s*)?{_NUMBER}\s*{_OPEN}[^\W\d]")
_LABEL_AT_END = re.compile(r"[(\[]\s*(?:candidate|item|option)?\s*([A-Z])\s*[)\]]\s*\.?\s*$", re.I)
#: A and I are also English words: they are not labels if an ordinary word follows.
_WORD = r"\s+(?!and\b|then\b|followed\b|before\b)[a-z]"
_LABEL = rf"(?:(?:[B-HJ-Z]|[AI](?!{_WORD}))(?!\w|['’]\w))"
_ODD = r"(?:[A-Z]{2,3}|[A-Z]\d{1,2}|\d{1,5})(?!\w)"
_STRONG = r"\s*(?:,|;|>+|→|->|=>|≻|\||/|、|，)\s*"
_BETWEEN = rf"(?:{_STRONG}|\s*(?:,\s*)?\b(?:and|then|followed by|before)\b\s*|\s*-\s*|\s+)"
_INNER = rf"(?:{_NUMBER}\s*)?"
_RUN = re.compile(
    rf"(?<!\w)(?<!\w['’]){_OPEN}{_LABEL}{_CLOSE}"
    rf"(?:{_BETWEEN}{_INNER}{_OPEN}{_LABEL}{_CLOSE}|{_STRONG}{_OPEN}{_ODD}{_CLOSE}(?=\s*(?:[,;>→|/]|->|=>|\]|$)))*"
)
_RUN_ENTRY = re.compile(rf"(?<!\w)(?<!\w['’])(?:(?P<label>{_LABEL})|(?P<odd>{_ODD})(?!\s*[.):、]))")


@dataclass(frozen=True)
class Parsed:
    """A parsed answer.

    Attributes
    ----------
    order : tuple of int
        A permutation of ``range(n)``, best first; missing labels last, in label order.
    raw_ranks : tuple of int
        Place of each label among all entries of the answer, including repeated and unknown
        entries, from 1; 0 if the label is missing.
    faults : frozenset of str
        All faults found, from `FAULTS`; only ``none`` if there is no fault.
    fault : str
        The most severe fault.
    counts : dict of str to int
        Number of ``missing``, ``repeated``, ``unknown`` and ``out_of_range`` entries.
    """

    order: tuple
    raw_ranks: tuple
    faults: frozenset
    fault: str
    counts: dict


@dataclass(frozen=True)
class _Found:
    entries: list  # an index for each label, None for an entry that is not a label
    prose: bool
    at: int

    def known(self, n):
        """Return how many of the first `n` labels are among the entries."""
        return len({entry for entry in self.entries if entry is not None and entry < n})


def parse(text, n, finish_reason=""):
    """Parse a ranking of the first `n` letters from an answer.

    Parameters
    ----------
    text : str
    n : int
        Number of candidates shown, labelled A, B, C, ... (at most 26).
    finish_reason : str
        ``length`` means a cut-off answer, ``content_filter`` a refusal.

    Returns
    -------
    Parsed
    """
    plain, cut = _without_reasoning(_normal(text or ""))
    found = _best(plain, n)
    known = list(dict.fromkeys(entry for entry in found.entries if entry is not None and entry < n))
    counts = {
        "missing": n - len(known),
        "repeated": sum(entry is not None and entry < n for entry in found.entries) - len(known),
        "unknown": sum(entry is None for entry in found.entries),
        "out_of_range": sum(entry is not None and entry >= n for entry in found.entries),
    }
    faults = {name for name, count in counts.items() if count}
    cut_off = cut or finish_reason == "length" or _breaks_off(plain)
    if not plain.strip() and not cut_off:
        faults.add("empty")
    if finish_reason in ("content_filter", "refusal") or (len(known) < 2 <= n and _REFUSAL.search(plain)):
        faults.add("refused")
    elif counts["missing"] and cut_off:
        faults.add("truncated")
    if found.prose:
        faults.add("prose_around")
    if n > 1 and known == list(range(n)):
        faults.add("unchanged_order")
    raw_ranks = [0] * n
    for place, entry in enumerate(found.entries, 1):
        if entry is not None and entry < n and not raw_ranks[entry]:
            raw_ranks[entry] = place
    order = (*known, *sorted(set(range(n)) - set(known)))
    faults = frozenset(faults or {"none"})
    return Parsed(order, tuple(raw_ranks), faults, min(faults, key=FAULTS.index), counts)


def _normal(text):
    """Return a text in Unicode compatibility form (full-width letters become plain) without invisible characters."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C").replace("\r", "\n")


def _without_reasoning(text):
    """Return the text after the reasoning, and whether the reasoning was cut off."""
    text = _REASONING.sub(" ", text)
    ends = list(_REASONING_END.finditer(text))
    if ends:
        text = text[ends[-1].end() :]
    cut = bool(_REASONING_START.search(text))
    return _TAGS.sub(" ", _REASONING_START.sub(" ", text)), cut


def _breaks_off(text):
    """Return whether a text ends inside a list or a bracket."""
    text = text.rstrip()
    bare = _FENCE.sub("", text)
    return (
        any(bare.count(left) > bare.count(right) for left, right in ("[]", "{}"))
        or text.count("```") % 2 == 1
        or text.endswith((",", ">", ";", "->"))
    )


def _best(text, n):
    """Return the reading that finds the most labels; text after "final answer" has priority."""
    text_plain = re.sub(r"[*`#]|(?<!\w)_|_(?!\w)", "", _FENCE.sub("\n", text))
    finals = list(_FINAL.finditer(text_plain))
    if finals:
        tail = text_plain[finals[-1].end() :]
        inside = [*_json_lists(tail), *_lines(tail), *_runs(tail)]
        best = max(inside, key=lambda found: (found.known(n), found.at), default=None)
        if best and best.known(n) >= min(2, n):
            before = text_plain[: finals[-1].start()].strip()
            return _Found(best.entries, best.prose or bool(before), 0)
    found = [*_json_lists(_FENCE.sub("\n", text)), *_lines(text_plain), *_runs(text_plain)]
    best = max(found, key=lambda one: (one.known(n), not one.prose, one.at), default=None)
    return best if best and best.known(n) else _last_resort(text_plain, best)


def _json_lists(text):
    """Yield the lists of labels in all JSON values of a text."""
    decoder, start = json.JSONDecoder(), 0
    while match := re.compile(r"[\[{]").search(text, start):
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            start = match.end()
            continue
        entries = _entries_of(value)
        if entries:
            yield _Found(
                [_entry(entry) for entry in entries],
                _has_words(text[: match.start()] + " " + text[end:]),
                end,
            )
        start = end


def _entries_of(value):
    """Return the list in a JSON value: the value itself, its longest list, or labels ordered by rank."""
    if isinstance(value, dict):
        numbers = [v for v in value.values() if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if value and len(numbers) == len(value):
            return sorted(value, key=value.get)
        if value and all(re.fullmatch(r"\d+", key) for key in value):
            return list(value.values())
        return max((_entries_of(own) for own in value.values() if isinstance(own, (list, dict))), key=len, default=[])
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return [_label_of(entry) for entry in value]
    return value if isinstance(value, list) else []


def _label_of(entry):
    for name in ("label", "letter", "id", "candidate", "item", "option"):
        if name in entry:
            return entry[name]
    return next(iter(entry.values()), "")


def _entry(value):
    """Return the index of the label that one entry of a list names, or None."""
    if not isinstance(value, str):
        return None
    match = _LINE.match(value.strip().strip("*"))
    return _index(match["label"]) if match else None


def _index(letter):
    return ord(letter.upper()) - ord("A")


def _lines(text):
    """Yield readings of a text with one candidate per line: first with upper-case, then with lower-case labels."""
    lines = [line for line in text.split("\n") if line.strip()]
    for lower in (False, True):
        entries, prose, at = [], False, 0
        for line in lines:
            index = _of_line(line, lower)
            if index is not None:
                entries.append(index)
                at = text.rfind(line) + len(line)
            elif _NUMBERED.match(line):
                entries.append(None)
            elif not re.fullmatch(r"(?:rank|label|title|candidate|[\W\d_])*", line, re.I):
                prose = True
        if any(entry is not None for entry in entries):
            yield _Found(entries, prose, at)
            return


def _of_line(line, lower):
    if line.lstrip().startswith("|"):
        cells = [cell.strip() for cell in line.split("|") if cell.strip()]
        return next((_index(cell) for cell in cells if re.fullmatch("[A-Z]", cell)), None)
    match = _LINE.match(line)
    if match and (match["label"].isupper() or lower):
        return _index(match["label"])
    if _NUMBERED.match(line) and (match := _LABEL_AT_END.search(line)):
        return _index(match[1])
    return None


def _runs(text):
    """Yield the runs of labels in a text."""
    for match in _RUN.finditer(text):
        entries = [
            None if entry["odd"] else _index(entry["label"]) for entry in _RUN_ENTRY.finditer(match[0]) if entry[0]
        ]
        before = re.sub(rf"{_NUMBER}\s*$|\"?ranking\"?\s*:\W*$", "", text[: match.start()])
        yield _Found(entries, _has_words(before + " " + text[match.end() :]), match.end())


def _last_resort(text, best):
    """Parse labels without separators (``CAB``), lower-case runs (``c, a, b``) and lists without labels."""
    bare = text.strip().strip("\"'.()[]")
    if re.fullmatch(r"[A-Z]{2,26}", bare) and len(set(bare)) == len(bare):
        return _Found([_index(letter) for letter in bare], False, 0)
    if re.fullmatch(r"[a-z](?:\s*(?:,|;|>|\s|->|\||/|\band\b)\s*[a-z])*\.?", bare):
        return _Found([_index(letter) for letter in re.findall(r"(?<!\w)[a-z](?!\w)", bare)], False, 0)
    if re.fullmatch(r"\W*\d+(?:\W+\d+)*\W*", bare):
        return _Found([None] * len(re.findall(r"\d+", bare)), False, 0)
    return best or _Found([], _has_words(text), 0)


def _has_words(text):
    return bool(re.search(r"\w", _FENCE.sub("", text)))
