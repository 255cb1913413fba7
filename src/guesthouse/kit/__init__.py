"""Small tools with no knowledge of Guesthouse: clock, ids, process, sensitive, pagination."""
