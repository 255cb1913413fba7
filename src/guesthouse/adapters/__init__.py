"""One package for each port: the outside world behind Protocols; none knows another."""
