"""Answers with [n] marks: the prompt that `chat` was trained on, and marks as citations.

    user = citations.prompt("Who made it?", ["Ada made it.", "It is red."])
    text, spans = citations.parse("Ada made it [1].", 2)   # "Ada made it.", [(0, 11, [1])]

First used in chapter 8.
"""
import re

ASK = "Answer the question using only the passages and cite them."
MARKS = re.compile(r"\s*(\[\d+(?:\s*,\s*\d+)*\](?:\s*\[\d+\])*)")  # [1], [1, 2], [1][2]
# a sentence ends before a space, but not after "Dr." or an initial
END = re.compile(r"(?<!\b[A-Z])(?<!\b[DMS][rst])(?<!\bMrs)[.!?]+[\"')]*(?=\s|$)")


def prompt(question: str, passages: list[str]) -> str:
    """The passages, numbered from 1, one a line; then what to do, and the question."""
    lines = [f"[{n}] {' '.join(text.split())}" for n, text in enumerate(passages, 1)]
    return "\n".join([*lines, "", ASK, f"Question: {question.strip()}"])


def parse(answer: str, passages: int) -> tuple[str, list]:
    """(the answer without its marks, [(start, end, numbers)] of each marked statement).

    A span is the sentence, or the part since the mark before, without its full stop.
    Numbers that point at none of the passages are dropped; without one there is no span.
    """
    text, spans, done, after = "", [], 0, 0  # after: the end of the last marked statement
    for marks in MARKS.finditer(answer):
        text = (text + answer[done:marks.start()]).lstrip()
        done = marks.end()
        numbers = dict.fromkeys(map(int, re.findall(r"\d+", marks[1])))
        numbers = [n for n in numbers if 1 <= n <= passages]
        start, end = statement(text, after)
        after = end
        if numbers and start < end:
            spans.append((start, end, numbers))
    return (text + answer[done:]).strip() if text else answer[done:].strip(), spans


def statement(text: str, after: int) -> tuple[int, int]:
    """Where the last sentence of the text lies, as far as it comes after `after`."""
    end = len(text.rstrip())
    closed = re.search(r"[.!?,;:]+$", text[:end])  # the mark came after the full stop
    end = closed.start() if closed else end
    starts = [m.end() for m in END.finditer(text, after, end)]
    start = starts[-1] if starts else after
    return start + len(text[start:end]) - len(text[start:end].lstrip(" \n.,;:!?")), end
