"""Whether the files of a finished run agree: with their schemas, their rows, the journal, and what the plugins read."""
