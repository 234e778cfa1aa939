"""Where every card-hour and every yuan went."""
