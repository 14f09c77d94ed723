"""Training: what a student is trained on, and one training through the journal."""
