"""Which plugins there are, what can be set of them, and the switchboard that tells observers what happens."""
