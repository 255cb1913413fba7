"""The command line: a client of the API, plus what works without a server. No use cases here."""
