"""Numbers from rows: scores, contrasts, intervals, costs, and the form in which a person is told them."""
