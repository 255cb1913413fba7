"""Who may do what: partners, tokens, and the Scope every store takes."""
