"""What the fork server is made of: one process with one thread, which imports and forks; POSIX only."""
