"""Who starts next: decided when something changed, against the ledger, and never by a walk over all that wait."""
