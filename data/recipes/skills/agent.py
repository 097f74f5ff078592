"""The next segment of a ReAct agent: a thought and an action, or the final answer."""
import re
from decimal import Decimal

from data.recipes.skills import filmfacts as ff
from data.recipes.skills import words

SEGMENT = re.compile(r"Thought: [^\n]+\n(?:Action: ([^\n]+)\nAction Input: ([^\n]+)"
                     r"|Final Answer: ([^\n]+))")
MARKS = [": ", ": ", " - ", "(query: str) -> str - "]
MOST = 640                                      # characters of steps in a prompt
FINAL = "I now know the final answer."


def phrase(rng, kind: str) -> str:
    """One of the wordings of a kind."""
    return rng.choice(ff.rows("agent_wordings", kind))[0]


def act(thought: str, action: str, text: str) -> str:
    """A segment that calls a tool."""
    return f"Thought: {thought}\nAction: {action}\nAction Input: {text}"


def final(thought: str, text: str) -> str:
    """A segment that ends the loop."""
    return f"Thought: {thought}\nFinal Answer: {text}"


def parse(text: str) -> dict:
    """The action and its input; empty strings where the form is wrong."""
    found = SEGMENT.fullmatch(text.strip())
    if not found:
        return {"action": "", "input": ""}
    action, value, answer = found.groups()
    return {"action": action or "Final Answer", "input": value or answer}


def prompt(rng, tools: dict, question: str, done: list) -> str:
    """The prompt of the loop: tools, question and what was done so far.

    Half of them join the steps as LangChain does, which ends each with "Thought: ".
    """
    roles = rng.sample(list(tools), len(tools))
    mark = rng.choice(MARKS)
    lines = [f"{tools[r]}{mark}{phrase(rng, r + '_notes')}" for r in roles]
    head = phrase(rng, "head").format(n=", ".join(tools[r] for r in roles))
    lead, end = rng.choice([("", ""), ("", ""), ("", "Thought: "), ("Thought: ", "Thought: ")])
    pad = lead + "".join(f"{segment}\nObservation: {seen}\n{end}" for segment, seen in done)
    text = "\n".join([head, "Tools:", *lines, "", f"Question: {question}", pad])
    return text if rng.random() < 0.5 else text.rstrip()


def search(rng, split: str, tool: str, relation: str, about: str, value: str) -> tuple:
    """The steps (segment, observation) of looking up one fact, and whether it was found."""
    query = ff.RELATIONS[relation][2].format(e=about)
    need = f"the price of the {about}" if relation == "price" else f"the {query}"
    short = f"{about.split()[-1]} price" if relation == "price" else about
    page = ff.page(rng, split, relation, about, value)
    first = act(f"I need {need}.", tool, query)
    again = act("Nothing was found. I try a shorter search.", tool, short)
    luck = rng.random()
    if luck < 0.75 or relation == "price" and " of " in about:
        return [(first, page)], True
    steps = [(first, phrase(rng, "nothing"))]
    if luck < 0.87:
        return [*steps, (again, page)], True
    return [*steps, (again, phrase(rng, "nothing")),
            (final("The search does not help.", "I could not find it."), "")], False


def look_up(rng, split: str, facts: list) -> tuple:
    """The steps for several facts (tool, relation, about, value); stops at one not found."""
    trace, found = [], True
    for fact in facts:
        if found:
            steps, found = search(rng, split, *fact)
            trace += steps
    return trace, found


def made(rng, skill: str, tools: dict, question: str, trace: list) -> dict:
    """A case that asks for one segment of a trace."""
    early = max(0, len(trace) - 2)               # the last two steps are the hard ones
    at = rng.choices(range(len(trace)), [1] * early + [3] * (len(trace) - early))[0]
    while sum(len(segment + seen) for segment, seen in trace[:at]) > MOST:
        at -= 1
    answer = trace[at][0]
    return {"skill": skill, "gold": parse(answer),
            "messages": [{"role": "user", "content": prompt(rng, tools, question, trace[:at])},
                         {"role": "assistant", "content": answer}]}


def ask(rng, split: str, make) -> str:
    """A question template of the split around what make() gives, in good writing."""
    def draw():
        return phrase(rng, "lead") + ff.upper(make()) + phrase(rng, "tail")
    return words.until(draw, split)


def calculate(rng, tool: str, thought: str, sign: str, x: str, y: str) -> tuple:
    """The calculator step and the number it shows."""
    a, b = Decimal(x), Decimal(y)
    value = a + b if sign == "+" else a * b
    shown = rng.choice([f"{value:.2f}", str(round(float(value), 4)), str(value)])
    seen = rng.choice([shown, shown, shown, f"= {shown}", f"The result is {shown}."])
    return (act(thought, tool, f"{x} {sign} {y}"), seen), shown


def tool_names(rng, *roles) -> dict:
    """A name for each role of a tool."""
    return {role: phrase(rng, role + "_names") for role in roles}


def prices(rng, split: str) -> tuple:
    """Look up prices, convert or add where asked, and answer: (tools, question, steps)."""
    tools = tool_names(rng, "price", "sum", *["film"] * (rng.random() < 0.2))
    if "film" not in tools and rng.random() < 0.6:
        tools |= dict(price="search", sum="calculator")
    g, h = (words.ware(rng, split) for _ in range(2))
    unit, target = rng.sample(["dollars", "pounds", "euros", "crowns", "francs"], 2)
    if rng.random() < 0.7:                       # half of these: the book's question
        unit, target = "dollars", rng.choice(["euros", "euros", "pounds", "crowns", "francs"])
    kind = rng.choice(["convert", "convert", "sum", "sum", "plain"]) if g != h else "plain"
    asked = [ff.entity(rng, split, "price", unit) for _ in range(2)]
    x, y = (price.split()[0] for price in asked)
    count = 2 if kind == "sum" else 1
    facts = [(tools["price"], "price", *pair) for pair in zip((g, h), asked)]
    trace, found = look_up(rng, split, facts[:count])
    rate = rng.choice([f"{rng.randint(50, 150) / 100:.2f}", f"0.{rng.randint(2, 9)}"])
    step, result = None, f"{x} {unit}"
    if kind == "convert":
        step, shown = calculate(rng, tools["sum"], f"I must turn {x} {unit} into {target}.",
                                "*", x, rate)
        result = f"{shown} {target}"
    elif kind == "sum":
        step, shown = calculate(rng, tools["sum"], "I must add both prices.", "+", x, y)
        result = f"{shown} {unit}"
    if found:
        trace += [step] * bool(step) + [(final(FINAL, result), "")]
    question = ask(rng, split, lambda: price_question(rng, kind))
    return tools, question.format(g=g, h=h, e=g, s=unit, s1=unit[:-1], t=target, r=rate), trace


def react(rng, split: str) -> dict:
    """The next segment of an agent that looks up prices."""
    return made(rng, "react", *prices(rng, split))


def price_question(rng, kind: str) -> str:
    """A question template of react."""
    if kind == "convert":
        return phrase(rng, "convert") + phrase(rng, "rate")
    return phrase(rng, "sum") if kind == "sum" else ff.plain(ff.core(rng, "price")) + "?"


def one_fact(rng, split: str, tools: dict) -> tuple:
    """A question for one fact about a film or for one price, and its facts."""
    relation = "price" if rng.random() < 0.35 else rng.choice(ff.FILM)
    kind, answer, _ = ff.RELATIONS[relation]
    about, value = ff.entity(rng, split, kind), ff.entity(rng, split, answer)
    question = ask(rng, split, lambda: ff.plain(ff.core(rng, relation)) + "?").format(e=about)
    tool = tools["price" if relation == "price" else "film"]
    return question, [(tool, relation, about, value)]


def two_facts(rng, split: str, tools: dict) -> tuple:
    """A question whose answer needs a fact found first, and both facts."""
    first, second = rng.choice(ff.HOPS)
    about, middle, asked, value, ware = ff.chain(rng, split, first, second)
    question = ask(rng, split, lambda: ff.hop_core(rng, first, second) + "?")
    tool = tools["price" if second == "price" else "film"]
    return question.format(e=about, m=ware), [(tools["film"], first, about, middle),
                                              (tool, second, asked, value)]


def film_facts(rng, split: str) -> tuple:
    """Choose the tool, look up one fact or two, and answer: (tools, question, steps)."""
    tools = tool_names(rng, "film", "price", *["sum"] * (rng.random() < 0.4))
    question, facts = (one_fact if rng.random() < 0.45 else two_facts)(rng, split, tools)
    trace, found = look_up(rng, split, facts)
    if found:
        trace.append((final(FINAL, facts[-1][-1]), ""))
    return tools, question, trace


def react_facts(rng, split: str) -> dict:
    """The next segment of an agent that looks up films and prices."""
    return made(rng, "react_facts", *film_facts(rng, split))


def score(case: dict, answer: str) -> dict:
    """The action and its input are those of the reference."""
    got = parse(answer)
    return {key: got[key] == case["gold"][key] for key in ("action", "input")}


SKILLS = {"react": react, "react_facts": react_facts}
SCORES = dict.fromkeys(SKILLS, score)
