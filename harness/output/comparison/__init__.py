"""Two results side by side: whether they may be compared, by how much they differ, and conditions on that."""
