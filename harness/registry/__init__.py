"""Which plugins there are, what can be set of them, and the telling of observers what happens."""
