"""What must hold before anything is spent: the plugins of a run made and checked, its cost, its disk, its identity."""
