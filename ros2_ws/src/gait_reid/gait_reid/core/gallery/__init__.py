"""Gallery of enrolled walks: records, encrypted store, exact search, open-set decision."""
