"""Networks made of cells, and their initial weights."""
