"""What can go wrong between a client and the loopback server: names of faults, and how each looks on the wire.

Nothing happens here; which outcome is right for a client is for the tests to say.
"""

from __future__ import annotations

UNBILLED = ("429", "429-after", "529", "500", "reset-before")
"""A call that was not taken: the same call may succeed next time."""
LOST = ("reset-body", "malformed", "cut-json", "wrong-types", "no-content", "error-200", "html")
"""A call that was billed and whose reply cannot be read."""
FINAL = ("refusal", "max_tokens", "context", "pause", "tool_use", "unknown-stop", "empty", "thinking-only")
"""A whole reply that is no answer."""
GOOD = ("thinking-first", "two-blocks", "drip", "stop-sequence")
"""An odd way to send a good reply."""
REFUSED = ("400", "401", "403", "404", "413")
"""A call that will not be taken, however often it is made."""
HANG = "hang"
"""A call that is billed, begins to answer, and never ends."""

STATUS = {
    "400": (400, "invalid_request_error"),
    "401": (401, "authentication_error"),
    "403": (403, "permission_error"),
    "404": (404, "not_found_error"),
    "413": (413, "request_too_large"),
    "429": (429, "rate_limit_error"),
    "429-after": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "529": (529, "overloaded_error"),
}
STOPS = {
    "refusal": "refusal",
    "max_tokens": "max_tokens",
    "context": "model_context_window_exceeded",
    "pause": "pause_turn",
    "tool_use": "tool_use",
    "unknown-stop": "some_new_reason",
    "stop-sequence": "stop_sequence",
}
