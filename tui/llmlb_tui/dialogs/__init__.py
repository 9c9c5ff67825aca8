"""Questions before something happens. What is behind a dialog stays live, and Cancel is chosen when it opens."""
