"""Charges, invoices, billing periods and commitments in the FinOps Open Cost and Usage Specification (FOCUS) 1.4."""
