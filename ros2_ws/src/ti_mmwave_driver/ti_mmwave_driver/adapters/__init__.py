"""Messages made from core types."""
