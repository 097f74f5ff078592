"""make scorecard: every shipped model on held-out cases, with 95 % intervals.

Prints one table and writes data/models/scorecard.json, from which `make index` fills the
model cards and the README. A line whose public data is not at hand (HANDSON_SOURCES) keeps
its last measured value and says so.
"""
import json
import sys
import time

from data.recipes import kit
from utils import HandsOnError, chapter
from utils.scores import interval, macro_f1

FILE = kit.MODELS / "scorecard.json"


def row(role, skill, measure, truth, answers, target, statistic=macro_f1) -> dict:
    """One line of the scorecard: the value, its interval, the number of cases."""
    low, high = interval(statistic, truth, answers)
    return dict(role=role, skill=skill, measure=measure, value=round(statistic(truth, answers), 3),
                low=round(low, 3), high=round(high, 3), n=len(truth), target=target)


def share(role, skill, measure, rights, target) -> dict:
    """A line whose value is the share of True; a target below 0 means "at most"."""
    rights = [float(x) for x in rights]
    line = row(role, skill, measure, rights, rights, None, lambda x, _: float(sum(x) / len(x)))
    if target is not None:
        line |= {"target": abs(target), "at_most": target < 0}
    return line


def met(line) -> bool:
    """Is the target of a line met? Lines without one are for information."""
    if line["target"] is None:
        return True
    if line.get("at_most"):
        return line["value"] <= line["target"]
    return line["value"] >= line["target"]


def at_hand(role) -> bool:
    """Is the model of a role shipped yet?"""
    return (kit.MODELS / role / "log.json").exists()


def last() -> list[dict]:
    """Lines of the last scorecard; empty before the first."""
    return whole()["rows"]


def whole() -> dict:
    """The last scorecard: its "rows", and the "speed" of `chat` on one machine."""
    return {"rows": [], "speed": []} | (json.loads(FILE.read_text("utf-8"))
                                        if FILE.exists() else {})


def kept(role, skill) -> dict:
    """The last measured line of a skill, for where its data is not at hand."""
    for line in last():
        if (line["role"], line["skill"]) == (role, skill):
            return line
    raise HandsOnError(f"{skill} was never measured. Fix: set HANDSON_SOURCES and run again.")


def table(rows) -> str:
    """The scorecard as a Markdown table; a missed target is marked."""
    lines = ["| model | held-out cases | measure | value | 95 % interval | n | target |",
             "|---|---|---|---|---|---|---|"]
    for r in rows:
        mark = "" if met(r) else " **missed**"
        sign = "<=" if r.get("at_most") else ">="
        goal = "" if r["target"] is None else f"{sign} {r['target']:.2f}{mark}"
        span = f"{r['low']:.3f} to {r['high']:.3f} | {r['n']:,} | {goal}"
        what = f"`{r['role']}` | {r['skill']} | {r['measure']}"
        lines.append(f"| {what} | {r['value']:.3f} | {span} |")
    return "\n".join(lines)


def summary(rows) -> str:
    """One row per model: how many of its lines have a target, how many meet it, which do not."""
    out = ["| model | targets met | missed |", "|---|---|---|"]
    for role in dict.fromkeys(r["role"] for r in rows):
        own = [r for r in rows if r["role"] == role and r["target"] is not None]
        missed = [f"{r['skill']} ({r['measure']})" for r in own if not met(r)]
        out.append(f"| `{role}` | {len(own) - len(missed)} of {len(own)} | "
                   f"{'; '.join(missed) or 'none'} |")
    return "\n".join(out)


def folded(rows) -> str:
    """The summary, and the whole table behind a click."""
    return (f"{summary(rows)}\n\n<details><summary>All {len(rows)} lines</summary>\n\n"
            f"{table(rows)}\n\n</details>")


def main() -> int:
    """Measure, print, write; exit code 1 if a target is missed.

    With role names as arguments only these are measured anew.
    """
    from data.recipes import scores_speed
    from data.recipes.measures import MEASURES, shipped

    began = time.time()
    chapter.set_seed(7)
    asked = sys.argv[1:] or list(MEASURES)
    rows = []
    for role, measure in MEASURES.items():
        if not at_hand(role):
            print(f"{role} is not shipped yet.")
            continue
        rows += measure() if role in asked else [r for r in last() if r["role"] == role]
        print(f"{role}: {time.time() - began:.0f} s", flush=True)
    print(table(rows))
    print(f"{sum(map(met, rows))} of {len(rows)} lines meet their target.")
    speed = whole()["speed"]
    if at_hand("chat") and "chat" in asked:
        speed = scores_speed.rows(shipped("chat"))
    print(scores_speed.table(speed))
    kit.write_json(FILE, {"rows": rows, "speed": speed})
    return int(not all(map(met, rows)))


if __name__ == "__main__":
    sys.exit(main())
