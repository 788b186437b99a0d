"""What differs per cluster: matching override policies and rendering them. Pure."""
