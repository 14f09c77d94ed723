"""What problems give away: to a shortcut that needs no skill, and in the rows that a student was trained on."""
