"""The record of every effect of a run: what was done is never done, or paid for, again."""
