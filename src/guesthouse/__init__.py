"""Guesthouse: a running copy of a company's product for each of its partners."""
