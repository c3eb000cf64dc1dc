"""For whom the server is, what a browser may send, and how a drag is answered."""
