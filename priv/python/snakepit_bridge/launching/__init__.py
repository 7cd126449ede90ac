"""What the launcher is made of, for whatever starts workers in its way; Linux, standard library only."""
