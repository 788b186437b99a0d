"""What it costs to be large: many clusters, many propagations, on emulated members."""
