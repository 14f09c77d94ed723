"""Ways to show a result: the terminal, the report, and two results side by side."""
