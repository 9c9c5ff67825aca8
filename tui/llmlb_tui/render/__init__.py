"""From the model to lines of styled text. Pure: no widget, no colour; a role says what a text means."""
