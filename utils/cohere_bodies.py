"""What Cohere's v2 endpoints are asked, as far as utils.cohere_app offers it.

Imported by the server only: it needs pydantic.
"""
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """A request: what it does not know is refused, nothing is silently ignored."""

    model_config = ConfigDict(extra="forbid")

    model: str
    priority: int = 0  # nobody else is waiting


class Embed(Body):
    texts: list[str]
    input_type: Literal["search_document", "search_query", "classification", "clustering"]
    embedding_types: list[Literal["float"]] = ["float"]
    truncate: Literal["END"] = "END"


class Rerank(Body):
    query: str
    documents: list[str]
    top_n: Annotated[int, Field(ge=1)] | None = None


class Part(BaseModel):
    type: Literal["text"]
    text: str


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str | list[Part]

    def text(self) -> str:
        whole = isinstance(self.content, str)
        return self.content if whole else "".join(part.text for part in self.content)


class Document(BaseModel):
    data: dict[str, Any]
    id: str | None = None


class Options(BaseModel):
    mode: str | None = None


class Chat(Body):
    messages: list[Message]
    documents: list[str | Document] | None = None
    citation_options: Options | None = None
    temperature: Annotated[float, Field(ge=0)] = 0.3  # the defaults are Cohere's
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    k: Annotated[int, Field(ge=0, le=500)] = 0
    p: Annotated[float, Field(ge=0.01, le=0.99)] = 0.75
    stream: bool = False

    def quiet(self) -> bool:
        """Are citations not wanted?"""
        mode = self.citation_options.mode if self.citation_options else None
        return (mode or "").upper() in ("OFF", "DISABLED")


def complaint(error) -> str:
    """One sentence on the first thing that is wrong with a request."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "body"
    if first["type"] == "extra_forbidden":
        return f"invalid request: {field} is not offered here"
    if first["type"] in ("missing", "literal_error"):
        return f"invalid request: valid {field} must be provided ({first['msg']})"
    return f"invalid request: {field}: {first['msg']}"
