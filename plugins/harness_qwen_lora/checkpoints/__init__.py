"""A checkpoint: found on disk or on the Hub, judged fit, and loaded into memory."""
