"""What the e-mail skills are put together from: wordings of the prompt, lines of the answer."""

OPEN = ["Write an email", "Write an e-mail", "Please write an email", "Write a short email",
        "Draft an e-mail", "Compose an email", "Can you write an email", "Write a polite e-mail",
        "Help me write an email", "I need an e-mail"]
SORRY = [" apologizing to {name} for {mishap}.", " apologising to {name} for {mishap}.",
         " to apologise to {name} for {mishap}.", " to {name} to say sorry for {mishap}.",
         " to {name} that apologizes for {mishap}.", " telling {name} I am sorry about {mishap}.",
         " to {name} with an apology for {mishap}.", " to say sorry to {name} for {mishap}."]
EXPLAIN = [" Explain how it happened.", " Say how it happened.", " Explain the cause.",
           " Tell how it came about.", " Describe what went wrong.", " Give the reason.",
           " Explain why it happened.", " Also explain how this could happen.", ""]
SENDER = [" Sign it as {sender}.", " I am {sender}.", " My name is {sender}.",
          " Sign with {sender}.", " It is from {sender}.", " The sender is {sender}."]

PERSONA = (["You are {a}", "You work as {a}", "Write as {a}", "Act as {a}", "You write as {a}",
            "Imagine you are {a}", "Pretend to be {a}", "Take the role of {a}", "The sender is {a}",
            "Suppose you are {a}", "You are writing as {a}", "Speak as {a}"],
           [".", ".", " in a small town.", " in a busy city.", " who is honest.",
            " who likes to help.", " with a good heart."])
INSTRUCTION = (["Write", "Please write", "Compose", "Draft", "Prepare", "You must write"],
               [" an e-mail", " an email", " a short e-mail", " a short email", " a brief e-mail"],
               [" to apologise to {r}.", " to apologize to {r}.", " to say sorry to {r}.",
                " that says sorry to {r}.", " with an apology to {r}.", " apologising to {r}.",
                " apologizing to {r}.", " that asks {r} to forgive us.", " of apology to {r}.",
                " to {r} and apologise.", " to {r} to say sorry."])
NO_RECIPIENT = (["Write", "Please write", "Compose", "Draft", "Prepare", "You must write"],
                [" an e-mail", " an email", " a short e-mail", " a short email"],
                [" to apologise.", " to apologize.", " to say sorry.", " with an apology.",
                 " of apology."])
CONTEXT = (["{S}", "{S}", "{S}", "What happened: {c}", "The reason: {c}", "The problem: {c}",
            "The problem is that {c}", "Context: {c}", "It is about this: {c}", "Background: {c}",
            "You should know that {c}", "What went wrong: {c}", "Note that {c}",
            "The trouble is that {c}", "This is the case: {c}", "The reason is that {c}"],
           ["", "", "", " yesterday", " today", " again"], ["."])
FORMAT = (["Use", "Write", "Write the text in", "Keep the body to", "Answer in", "Limit it to",
           "The body has", "The text must have", "Format the body as", "Make it"],
          [" {n} lines", " exactly {n} lines", " {n} short lines", " just {n} lines",
           " only {n} short lines"], [".", ".", ", please.", ", no more, no less.", " in all."])
AUDIENCE = (["The reader is {x}", "It is for {x}", "Your reader is {x}", "The audience is {x}",
             "It will be read by {x}", "The person who reads it is {x}", "Write for {x}",
             "The text is meant for {x}", "Audience: {x}", "Think of {x} as the reader"],
            [".", ".", ", so write clearly.", ", so choose your words well.",
             ", so use fitting words."])
TONE = (["Keep the tone {t}", "The tone is {t}", "Make it sound {t}", "The tone should be {t}",
         "Stay {t}", "Tone: {t}", "Be {t}", "Let it sound {t}", "Use {at} tone",
         "Choose {at} tone", "Write in {at} tone", "Use {at} style"],
        [".", ".", " throughout.", " from start to end.", ", please."])
DATA = (["Order number {n}", "Order {n}", "Order no. {n}", "The order number is {n}",
         "Data: order number {n}", "Details: order {n}", "Order: {n}", "It concerns order {n}",
         "Mention order number {n}", "This is order number {n}"],
        [", item: {i}.", ", item: {i}.", ", {i}.", "; item: {i}.", ", item {i}.", " for {ai}.",
         " (item: {i}).", " (the item is {ai}).", ", one {i}."])
CHILD = ["child", "child", "young child", "small child", "little child", "kid", "six-year-old",
         "little boy", "little girl", "schoolchild"]
TONES = {"formal": ["formal", "formal", "very formal", "polite and formal", "formal and serious"],
         "friendly": ["friendly", "friendly", "very friendly", "warm and friendly",
                      "friendly and relaxed"]}
NUMBERS = {2: "two", 3: "three", 4: "four"}

CLOSING = {"formal": "Kind regards", "friendly": "Warm wishes", None: "Regards"}
SORRY_WORDS = {"formal": "We sincerely apologise", "friendly": "So sorry", None: "I am sorry"}
REST = {"formal": ["We will resolve the matter for you without any delay.",
                   "We thank you for your patience.", "It will not happen again."],
        "friendly": ["I will gladly fix all of this for you right away!",
                     "Thanks a lot for your patience!", "I promise to do better!"],
        None: ["I will put this right for you as soon as I can.",
               "Thank you for your patience.", "It will not happen again."]}
CHILD_REST = {"formal": ["We will fix it very soon.", "We thank you for waiting.",
                         "It will not happen again."],
              "friendly": ["I will fix it right now!", "Thanks a lot for waiting!",
                           "I promise to do better!"],
              None: ["I will fix it very soon.", "Thank you for waiting.",
                     "It will not happen again."]}
