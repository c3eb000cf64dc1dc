"""Results in, pictures out: Plotly figures with the words and numbers that belong to them."""
