"""What Mission is compared with; each module says which parts are our reading."""
