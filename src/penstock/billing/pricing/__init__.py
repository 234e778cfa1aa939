"""Price books and contracts: what is charged under the four modes, exactly, from quantities alone."""
