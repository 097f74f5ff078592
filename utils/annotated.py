"""Hub data sets whose rows have another form than ours: premises, scored pairs, marked names.

Reached through utils.corpora, by the key `form` of a row of its catalogue. First used in
chapters 10 and 11.
"""

RELATIONS = ("entailment", "neutral", "contradiction")
PREMISES = 5000  # of 130,000 in MNLI: more than its chapter can use


def spans_of(tags: list[str]) -> list[dict]:
    """[{start, end, type}] of BIO tags; `end` is not included.

    An I- that continues nothing of its type opens a span, as in conlleval (CoNLL 2000).
    """
    found, last = [], "O"
    for at, tag in enumerate(tags):
        if tag != "O":
            if tag[0] == "B" or last[2:] != tag[2:]:
                found.append({"start": at, "end": at, "type": tag[2:]})
            found[-1]["end"] = at + 1
        last = tag
    return found


def marked(data):
    """CoNLL's columns tokens and ner_tags -> text, tokens, spans; splits as they are."""
    from datasets import DatasetDict

    def ours(row, names):
        tags = [names[t] if names else t for t in row["ner_tags"]]
        return {"text": " ".join(row["tokens"]), "spans": spans_of(tags), "ambiguous": ""}

    found = DatasetDict()
    for split, part in data.items():
        names = getattr(part.features["ner_tags"].feature, "names", None)
        spare = [c for c in part.column_names if c != "tokens"]
        found[split] = part.map(ours, fn_kwargs={"names": names}, remove_columns=spare)
    return halved(found)


def scored(data):
    """GLUE's stsb -> id, sentence1, sentence2, score (0 to 5), kind (empty: none is known)."""

    def ours(row):
        return {"id": f"stsb{row['idx']}", "score": float(row["label"]), "kind": ""}

    data = data.map(ours, remove_columns=["label", "idx"])
    data.pop("test", None)  # its scores are not public
    return halved(data)


def premises(data):
    """GLUE's mnli -> one row for each hypothesis of premises that have all three relations."""
    from datasets import Dataset, DatasetDict

    groups = {}
    for row in data["train"]:
        if row["label"] in range(3):
            groups.setdefault(row["premise"], {}).setdefault(row["label"], row["hypothesis"])
    whole = [(p, g) for p, g in groups.items() if len(g) == 3][:PREMISES]
    cuts = [0, len(whole) * 8 // 10, len(whole) * 9 // 10, len(whole)]
    found = DatasetDict()
    for split, a, b in zip(("train", "validation", "test"), cuts, cuts[1:]):
        found[split] = Dataset.from_list(
            [
                {
                    "id": f"mnli{n}{name[0]}",
                    "premise": p,
                    "hypothesis": g[label],
                    "label": name,
                    "topic": "",
                }
                for n, (p, g) in enumerate(whole[a:b], a)
                for label, name in enumerate(RELATIONS)
            ]
        )
    return found


def halved(data):
    """Data with a test split: without one of its own, every second row of validation."""
    if "test" not in data:
        rows = data["validation"]
        data["test"] = rows.select(range(1, len(rows), 2))
        data["validation"] = rows.select(range(0, len(rows), 2))
    return data


FORMS = {"premises": premises, "scored": scored, "marked": marked}
