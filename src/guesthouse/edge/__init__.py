"""What API and pages share: who is let in, and what stands on every answer. No route is here."""
