"""Usage to lines to invoices: pure, exact, and the same for a part as for the whole."""
