"""The server: whom it serves, what a browser may send, how a drag is answered."""
