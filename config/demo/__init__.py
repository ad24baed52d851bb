"""Two companies, their people and their last four weeks, for development machines."""
