"""The command line: a client of the API, plus the few verbs that work without a server. No logic."""
