"""One file per screen. A screen asks ``render`` for lines and carries out what the table of actions names."""
