"""Skills with numbers: three-step stories, single sums and the checking of a step."""
import re

from data.recipes.skills import words

LOSSES = {
    "own": ["{name} gives {c} {things} away.", "{name} loses {c} of them.",
            "{name} gives {c} {things} to a friend.", "Then {c} {things} get lost.",
            "Later {c} of the {things} are given away.", "{name} sells {c} of them.",
            "After that {name} hands {c} {things} to a neighbour.",
            "A brother takes {c} of the {things}.", "Then {c} {things} are taken away."],
    "crowd": ["Then {c} of them leave.", "After an hour {c} {things} go away.",
              "Soon {c} of the {things} are gone.", "Later {c} {things} leave."],
    "money": ["{name} spends {c} {things} on lunch.", "Then {name} pays {c} {things} for a map.",
              "After that {name} gives away {c} {things}.", "A cap costs {name} {c} {things}.",
              "{name} loses {c} {things} on the way home."],
    "score": ["A mistake costs {name} {c} {things}.", "Then {name} loses {c} {things}.",
              "At the end {c} {things} are taken off.", "Being late costs {name} {c} {things}."],
    "rest": ["But {c} of these {things} do not count.", "{c} of the {things} are not counted.",
             "A friend strikes {c} {things} off the list."],
}
QUESTIONS = {
    "own": ["How many {things} are left?", "How many {things} does {name} have now?",
            "How many {things} remain?", "How many {things} does {name} still have?",
            "What number of {things} is left in the end?",
            "How many {things} does {name} have in the end?"],
    "crowd": ["How many {things} stay?", "How many {things} are left?", "How many {things} remain?",
              "How many {things} are still there?", "What number of {things} is left?"],
    "money": ["How many {things} does {name} have left?", "How many {things} remain?",
              "How many {things} does {name} keep?", "How many {things} are left in the end?"],
    "score": ["How many {things} does {name} have in the end?", "How many {things} remain?",
              "What is the final number of {things}?", "How many {things} does {name} keep?"],
    "rest": ["How many {things} count?", "How many {things} are counted?",
             "How many {things} count in the end?", "What number of {things} counts?"],
}
STEP_CUES = ["Let's think step by step.", "Think step by step.", "Show your steps.",
             "Go step by step.", "Solve it step by step.", "Work it out step by step.",
             "Write down every step.", "Show each step of your work.",
             "Explain your steps.", "Take it one step at a time."]
DIRECT_CUES = ["Answer with the number only.", "Just give the number.", "Only the number, please.",
               "Reply with one number and nothing else.", "Give the result without any steps.",
               "Write only the final number.", "Answer with a single number.",
               "No steps, just the result.", "Say the number and nothing more.",
               "I need only the number."]
NEXT_CUES = ["Write the next step.", "Give the next step.", "What is the next step?",
             "Write only the next step.", "Add the next step.", "Continue with one step."]
SUM_STARTS = ["", "Please help: ", "A quick sum: ", "Arithmetic: ", "Sum: ", "Homework: ",
              "One small sum: ", "Now this one: "]
SUM_ASKS = ["what is {x}?", "calculate {x}.", "how much is {x}?", "{x} = ?", "work out {x}.",
            "find the value of {x}.", "what does {x} give?", "compute {x}.", "{x}", "{x} ="]
CHECK_ASKS = ["Is this step right?", "Is this step correct?", "Check this step:",
              "Does this step hold?", "Right or not?", "Is the step true?",
              "Please check the step:", "Is there no mistake in this step?"]
CHECK_ENDS = ["", ".", ". Answer yes or no.", ". Say yes or no.", ". Yes or no?", " (yes/no)",
              "\nyes or no?", ".\nAnswer yes or no."]


def case(skill: str, prompt: str, answer) -> dict:
    """A case of one question and its reference answer."""
    answer = str(answer)
    return {"skill": skill, "gold": {"answer": answer},
            "messages": [{"role": "user", "content": prompt},
                         {"role": "assistant", "content": answer}]}


def upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def template(rng, cues) -> str:
    """A story with slots for the numbers and the name, and its last instruction."""
    rows = words.bank("stories", "train") + words.bank("stories", "test")
    kind, things, first, second = rng.choice(rows).split("|")
    parts = [first, second, rng.choice(LOSSES[kind]), rng.choice(QUESTIONS[kind]), rng.choice(cues)]
    return " ".join(map(upper, filter(None, parts))).replace("{things}", things)


def problem(rng, split: str, cues=("",)):
    """A story that means (a + b) * k - c, and the lines of its solution."""
    def draw():
        a, b, k, c = (rng.randint(2, n) for n in (15, 15, 9, 20))
        return (a, b, k, c) if c < (a + b) * k else draw()

    a, b, k, c = words.until(draw, split)
    text = words.until(lambda: template(rng, cues), split)
    both, all_of_them = a + b, (a + b) * k
    lines = [f"{a} + {b} = {both}.", f"{both} * {k} = {all_of_them}.",
             f"{all_of_them} - {c} = {all_of_them - c}.", f"The answer is {all_of_them - c}."]
    return text.format(a=a, b=b, k=k, c=c, name=words.person(rng, split)), lines


def last_number(line: str) -> str:
    """The number a line ends with."""
    return line.rstrip(".").split()[-1]


def steps(rng, split: str) -> dict:
    """A story answered with its three steps."""
    text, lines = problem(rng, split, STEP_CUES)
    made = case("steps", text, " ".join(lines))
    made["gold"]["answer"] = last_number(lines[-1])
    return made


def direct(rng, split: str) -> dict:
    """The same stories, answered with the bare number."""
    text, lines = problem(rng, split, DIRECT_CUES)
    return case("direct", text, last_number(lines[-1]))


def next_line(rng, split: str) -> dict:
    """The one line that follows the lines written so far."""
    text, lines = problem(rng, split)
    done = rng.choice([0, 1, 1, 2, 2, 3])
    so_far = " ".join(lines[:done]) or "nothing."
    cue = rng.choice(NEXT_CUES)
    return case("next_line", f"{text}\nSo far: {so_far}\n{cue}", lines[done])


def expression(rng, split: str):
    """A sum as the stories need it, such as "12 * 4", and its value."""
    def draw():
        sign = rng.choice("+*-")
        if sign == "+":
            return rng.randint(2, 15), sign, rng.randint(2, 15)
        if sign == "*":
            return rng.randint(4, 30), sign, rng.randint(2, 9)
        take = rng.randint(2, 20)
        return rng.randint(take + 1, 300), sign, take

    x, sign, y = words.until(draw, split, lambda t: "{} {} {}".format(*t))
    value = {"+": x + y, "*": x * y, "-": x - y}[sign]
    return f"{x} {sign} {y}", value, y


def sums(rng, split: str) -> dict:
    """One sum and its value."""
    text, value, _ = expression(rng, split)
    prompt = words.wording(rng, split, SUM_STARTS, SUM_ASKS)
    return case("sums", upper(prompt).format(x=text), value)


def wrong_step_check(rng, split: str) -> dict:
    """Whether a written step is right: yes or no."""
    text, value, y = expression(rng, split)
    good = rng.random() < 0.5
    if not good:
        near = [value + d for d in (-10, -2, -1, 1, 2, 10, y, -y)]
        value = rng.choice([n for n in near if n > 0])
    ask = words.wording(rng, split, CHECK_ASKS, [" {x}"], CHECK_ENDS)
    return case("wrong_step_check", ask.format(x=f"{text} = {value}"), "yes" if good else "no")


def score_steps(case: dict, answer: str) -> dict:
    """Right when the number after the last "answer is" is the result."""
    found = re.findall(r"answer is\s+(-?\d+)(?![\d.]*\d)", answer)
    return {"right": bool(found) and found[-1] == case["gold"]["answer"]}


def score_exact(case: dict, answer: str) -> dict:
    """Right when the answer is the reference, but for blanks around it."""
    return {"right": answer.strip() == case["gold"]["answer"]}


SKILLS = {"steps": steps, "direct": direct, "sums": sums,
          "wrong_step_check": wrong_step_check, "next_line": next_line}
SCORES = {name: score_exact for name in SKILLS} | {"steps": score_steps}
