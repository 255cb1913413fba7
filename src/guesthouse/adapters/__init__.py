"""One package for each port: the outside world behind Protocols. They know nothing of one another."""
