"""Carries WebSockets and streams between nginx and a product, and ends those no longer allowed.

nginx asks once whether a request may pass; a WebSocket lasts for hours. So nginx hands these to
this program over a unix socket that only its user can open, each connection being one request,
with headers ``X-Guesthouse-Relay-*`` that say where to and for whom. They are taken out, the rest
is copied both ways, and the control plane is asked every two seconds whether its caller may still
be there: once for all connections with the same credentials.

Python's standard library alone, 3.9 or newer: it runs on an instance.
"""
