"""The JSON Schemas of the files that a run leaves behind. Data only; ``harness.schemas`` loads them."""
