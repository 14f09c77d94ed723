"""Doing it: the arms of a plan measured one after the other, every effect through the journal."""
