"""The outside world, met with care: files, strict JSON, text made harmless, schemas, secrets, signals, faults."""
