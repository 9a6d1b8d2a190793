"""What attackers can do, on the real servers; ``docs/security.md`` says which row of the threat model a file shows."""
