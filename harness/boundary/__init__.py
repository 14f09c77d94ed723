"""The outside world, met with care: files, strict JSON, harmless text, schemas, environment, disk, signals, faults."""
