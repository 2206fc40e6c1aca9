"""A core's doors: the socket its own clients use, and the inbox others may post to.

Owns HTTP and WebSocket routes and their frames. May use the core and everything below; it knows no screen.
"""
