"""What is drawn with: lines, lists of rows, and the choices of a dialog."""
