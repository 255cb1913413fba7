"""The command line: a client of the API, plus the verbs that work without a server."""
