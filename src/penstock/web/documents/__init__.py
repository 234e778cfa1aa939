"""Documents for people: an invoice as PDF and as CSV."""
