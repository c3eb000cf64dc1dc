"""Small networks made for one claim each, and what recorded BPTT measures in them."""
