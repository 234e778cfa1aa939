"""Money, time windows, ids, quantities and refusals: what every other module speaks."""
