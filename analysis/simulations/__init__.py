"""Small networks, each made for one claim, and measurements of them by recorded BPTT."""
