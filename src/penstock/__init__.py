"""Penstock runs an AI computing centre as a utility: two books that always balance."""
