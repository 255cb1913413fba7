"""Looks at the machine and says what is missing and how to mend it; changes nothing."""
