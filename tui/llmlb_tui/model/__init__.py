"""What the console knows and decides, without a terminal, a clock or a network."""
