"""Bodies: the shape of a person, its skinning, and what the person wears."""
