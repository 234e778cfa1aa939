"""The verbs, each load, decide, save; and the one loop that calls them."""
