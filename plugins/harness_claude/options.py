"""The options of teacher `claude`, and the host that they name. How a request looks on the wire is in ``wire``."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ANTHROPIC = "https://api.anthropic.com"


class Options(BaseModel):
    """Options of teacher `claude`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field("claude-haiku-5-5", min_length=1, description="Model id.")
    max_tokens: int = Field(
        8192,
        ge=1,
        le=21_333,
        description="Tokens that one reply may take, thinking included; a reply that reaches it counts as cut. The "
        "upper bound is that of calls which are not streamed.",
    )
    thinking: Literal["default", "disabled", "adaptive", "between_tools"] = Field(
        "default", description="Thinking before the reply; not every model takes every value. default: the model's own."
    )
    effort: Literal["default", "low", "medium", "high", "xhigh", "max"] = Field(
        "default", description="Effort put into a reply, thinking above all. default: the model's own."
    )
    temperature: float | None = Field(
        None, ge=0, le=2, description="For servers other than Anthropic's, which takes none; none: the server's own."
    )
    mode: Literal["sync", "batch"] = Field(
        "sync", description="batch: requests that do not wait for each other go as message batches, at half the price."
    )
    concurrency: int = Field(
        8, ge=1, le=256, description="Calls under way at once; fewer while the server answers 429."
    )
    deadline: float = Field(600, gt=0, description="Seconds for one request, over all attempts and pauses.")
    attempts: int = Field(8, ge=1, description="Times that one request is tried.")
    poll_seconds: float = Field(30, gt=0, description="Seconds between two looks at a batch.")
    cache: bool = Field(
        False, description="Caches the system prompt between calls: dearer to write, cheaper to read again."
    )
    base_url: str | None = Field(
        None, description="Address of another server that speaks the Messages API; none: Anthropic's."
    )
    price_input: float | None = Field(
        None, ge=0, description="USD per million input tokens, in place of the table of prices."
    )
    price_output: float | None = Field(
        None, ge=0, description="USD per million output tokens, in place of the table of prices."
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as http://localhost:8000")
        if "@" in parts.netloc:
            raise ValueError("expected an address without a user or a password: they would be written into results")
        if host_of(value) == host_of(ANTHROPIC) and parts.scheme != "https":
            raise ValueError(f"expected {ANTHROPIC}: the key must not travel in the clear")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        if (self.price_input is None) != (self.price_output is None):
            raise ValueError("price_input and price_output: expected both or neither")
        if self.temperature is not None and self.anthropic:
            raise ValueError("temperature: expected none, as Anthropic's models take none; it is for other servers")
        return self

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.base_url or ANTHROPIC

    @property
    def host(self) -> str:
        """Its host, with the port if one is given."""
        return host_of(self.url)

    @property
    def anthropic(self) -> bool:
        """Whether the server is Anthropic's own."""
        return self.host == host_of(ANTHROPIC)


def host_of(url: str) -> str:
    """Host and port of an address, without the user and password that it may hold."""
    return urlsplit(url).netloc.rpartition("@")[2].lower().removesuffix(":443")
